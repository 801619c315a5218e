"""The processes that serve: the REST host and the console in one application, and Granian around it."""
