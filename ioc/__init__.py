"""The contract the rooms share: events, directory, calendar, indicators, settings, command line."""
