"""Commands run as a person runs them, on a data set and a detector that take seconds."""
