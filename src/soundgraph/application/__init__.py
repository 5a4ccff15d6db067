"""Use cases and the ports they stand on. Imports the domain; knows no framework, driver or adapter."""
