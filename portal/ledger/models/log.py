"""The sealed log: each entry's place in the Merkle tree, and the signed checkpoints."""

from django.db import models

from portal.ledger.models.fields import TransactionIdField


class Leaf(models.Model):
    """The place of one entry in the log: contiguous from 0, given once by the sealer."""

    index = models.BigIntegerField(primary_key=True)
    entry_id = models.UUIDField(unique=True)
    recorded_at = models.DateTimeField()
    leaf_hash = models.BinaryField()
    txid = TransactionIdField()

    class Meta:
        db_table = "ledger_leaf"
        default_permissions = ()
        indexes = [models.Index(fields=["recorded_at"], name="ledger_leaf_recorded")]

    def __str__(self) -> str:
        return str(self.index)


class Checkpoint(models.Model):
    """A signed statement of the log's size and root (C2SP tlog-checkpoint).

    ``frontier`` holds the roots of the perfect subtrees, largest first, 32 bytes each: all that is
    needed to extend the tree without reading old leaves.
    """

    id = models.BigAutoField(primary_key=True)
    size = models.BigIntegerField()
    root = models.BinaryField()
    frontier = models.BinaryField()
    note = models.TextField()
    signed_at = models.DateTimeField()

    class Meta:
        db_table = "ledger_checkpoint"
        default_permissions = ()
        indexes = [models.Index(fields=["size"], name="ledger_checkpoint_size")]

    def __str__(self) -> str:
        return f"size {self.size}"


class PublicKey(models.Model):
    """A public key that signed, or signs, checkpoints, packages, stop files or grants. Old ones are kept for ever."""

    vkey = models.TextField(primary_key=True)
    role = models.TextField(choices=[("log", "log"), ("package", "package"), ("stop", "stop"), ("grant", "grant")])
    added_at = models.DateTimeField()

    class Meta:
        db_table = "ledger_publickey"
        default_permissions = ()

    def __str__(self) -> str:
        return self.vkey


class Cursor(models.Model):
    """How far a follower has read the log: the index it will read next."""

    name = models.TextField(primary_key=True)
    next_index = models.BigIntegerField(default=0)

    class Meta:
        db_table = "ledger_cursor"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name} at {self.next_index}"
