"""What a request, an event and a splat are: data and formats shared by the add-on and the backend."""
