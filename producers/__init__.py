"""What feeds Kafka: the simulated province and files through mapping files."""
