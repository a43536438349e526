"""The add-on's side of the socket: finds, starts, talks to and stops the backend. Never imports bpy."""
