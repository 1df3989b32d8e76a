"""Django's admin, to look and not to touch: behind the console's door, for administrators.

Everything is changed by services, which ask for rights, approvals and an entry of the record;
nothing is changed here. Secrets, digests and keys are not shown, searched or sorted by.
"""
