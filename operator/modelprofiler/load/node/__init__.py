"""The node reader: a small pod on the server's node tells a load elsewhere how busy that node was, and its clock."""
