"""The HTTP API: thin handlers over use cases. `app.build_app` puts it together."""
