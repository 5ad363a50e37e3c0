"""Services an Azure deployment would rent, run locally."""
