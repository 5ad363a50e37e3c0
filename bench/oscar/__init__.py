"""The app beside django-oscar, a shop framework with offers, on one PostgreSQL."""
