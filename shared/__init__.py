"""The domain package and everything the doors share."""
