"""A real Apache Kafka on this machine: its jars resolved once by Maven, one node in KRaft mode, supervised.

`java` finds and checks Java and Maven, `jars` keeps the cache, `broker` writes the node's files and gives its command.
"""
