"""The ModelProfile resource: what a user writes and reads, as types, and the CRD made from them."""
