"""Files behind an address: downloaded into a folder, by pods and on this machine, and never by the operator."""
