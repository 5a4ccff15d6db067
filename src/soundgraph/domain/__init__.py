"""The pure domain: entities, value objects, events and rules. Standard library only; no clock, randomness or I/O."""
