"""What a load says about the rows that it sent: how latency depends on their size, and which of them are slowest."""
