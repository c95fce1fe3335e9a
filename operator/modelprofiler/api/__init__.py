"""The ModelProfile resource: the types of what a user writes and reads, and the CRD generated from them."""
