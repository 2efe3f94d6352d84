"""Databases' command lines: what a statement written out in the command reads or changes.

The tables: which beginnings of a statement only look (``_LOOKS``), which functions they may call (``_CALLS``), which
commands of Redis look (``_REDIS_LOOKS``), which programs copy a database out, fill or drop one (``_WHOLE``). Whatever
is not in them changes something, and what stands in a file, comes from another program or is typed later is
``unknown``. The organisation adds its own programs in the catalogue, never here.
"""

import re

from approvals.rules.classify.call import Arguments, Call, arguments, names
from approvals.rules.classify.infrastructure import environment_of, look

_PSQL_VALUED = names(
    """
    -c -d -f -v -o -F -R -T -h -p -U -P -L --command --dbname --file --set --variable --output --field-separator
    --record-separator --table-attr --host --port --username --pset --log-file
    """
)
_MYSQL_VALUED = names("-e -h -P -u -D -S --execute --host --port --user --database --socket --protocol --login-path")
_SQLITE_VALUED = names("-separator -newline -nullvalue -init -cmd -maxsize -mmap -vfs")
_REDIS_VALUED = names("-h -p -s -n -u -a -r -i --user --pass -X -D --cacert --cert --key --sni --rdb --eval --pattern")
# What may start another program or read and write files, in the language of the program and not of the database.
_PSQL_LOOKS = re.compile(r"\\(?:d[a-zA-Z]*\+?S?\+?|l\+?|conninfo|z|sf\+?|sv\+?)(?:\s+[\w.*\"]+)?\s*")

_LOOKS = re.compile(r"\s*(?:select|show|describe|desc|table|explain(?!\s*\(?\s*analy))\b", re.IGNORECASE)
_CALLS = names(
    """
    count sum min max avg coalesce lower upper length now date_trunc distinct in exists and or not as on where from
    values over extract cast round any all having by join union using select with filter array_agg string_agg
    """
)
# A word of these anywhere, since a statement that begins as a look can hold one that changes: WITH x AS (DELETE …).
_CHANGES = re.compile(
    r"\b(?:insert|update|delete|merge|truncate|drop|alter|create|grant|revoke|into|copy|call|do|set|lock|vacuum"
    r"|load|attach|pragma|reindex|refresh|replace|outfile|dumpfile)\b",
    re.IGNORECASE,
)
_MOST_STATEMENTS = 64
_QUOTED = re.compile(r"'(?:[^'\\]|'')*'")
_RIGHTS = re.compile(r"\b(?:grant|revoke|(?:create|alter|drop)\s+(?:role|user|policy))\b", re.IGNORECASE)
_PASSWORDS = re.compile(r"pg_(?:shadow|authid)|mysql\.user|passw|secret|token|api_?key", re.IGNORECASE)

_REDIS_LOOKS = names(
    """
    get mget hget hgetall hkeys hlen hmget exists keys scan sscan hscan zscan ttl pttl type info ping dbsize llen
    lrange scard smembers sismember zcard zrange zscore strlen memory xlen xrange echo time
    """
)
_REDIS_CHANGES = names(
    """
    set del unlink expire flushall flushdb hset hdel incr decr incrby decrby lpush rpush lpop rpop sadd srem zadd zrem
    rename persist append setex setnx mset xadd xdel publish copy move
    """
)

_WHOLE = {
    "pg_dump": "network.fetch",
    "mysqldump": "network.fetch",
    "mongodump": "network.fetch",
    "mongoexport": "network.fetch",
    "pg_dumpall": "secret.read",
    "pg_restore": "migration.change",
    "mysqlimport": "migration.change",
    "mongorestore": "migration.change",
    "mongoimport": "migration.change",
    "createdb": "migration.change",
    "dropdb": "migration.change",
    "createuser": "access.change",
    "dropuser": "access.change",
}


def psql(call: Call) -> None:
    """psql: each -c is a statement or a command of psql; a file or typed input cannot be seen."""
    if not call.clear():
        return
    given = arguments(call.args, _PSQL_VALUED)
    call.look_at(call.args)
    call.read(given.values("-f", "--file"))
    call.write(given.values("-o", "--output", "-L", "--log-file"))
    if given.has("--version", "-V", "--help"):
        call.add("read", "psql")
        return
    if given.has("-l", "--list"):
        look(call, "psql --list")
        return
    _variables(call, given, "-v", "--set", "--variable")
    statements = _read_statements(call, [word.text for word in given.values("-c", "--command")])
    for statement in statements:
        if not statement.lstrip().startswith("\\"):
            _statement(call, statement)
        elif _PSQL_LOOKS.fullmatch(statement.strip()):
            look(call, statement.strip())
        else:
            call.unknown("This command of psql may start a program or write a file.")
    _needs_statements(call, statements, files=given.has("-f", "--file"))


def mysql(call: Call) -> None:
    """mysql and mariadb: -e holds the statements; input from elsewhere cannot be seen."""
    if not call.clear():
        return
    given = arguments(call.args, _MYSQL_VALUED)
    call.look_at(call.args)
    if given.has("--version", "-V", "--help"):
        call.add("read", call.program)
        return
    statements = _read_statements(call, [word.text for word in given.values("-e", "--execute")])
    for statement in statements:
        if "\\" in statement or re.match(r"\s*(?:system|source|tee|pager|edit)\b", statement, re.IGNORECASE):
            call.unknown(f"This command of {call.program} may start a program or write a file.")
        else:
            _statement(call, statement)
    _needs_statements(call, statements)


def sqlite(call: Call) -> None:
    """sqlite3: the database is a file, so looking reads that file and everything else changes it."""
    if not call.clear():
        return
    given = arguments(call.args, _SQLITE_VALUED)
    file, statements = given.rest[:1], [word.text for word in given.rest[1:]]
    if given.values("-cmd", "-init"):
        call.unknown("It runs commands that stand in an option or a file.")
    if not file or not statements:
        call.unknown("What it is to do is typed later or comes from another program.")
    plain = all(re.fullmatch(r"\.(?:tables|schema|indexes|databases)(?:\s+\w+)?", text) for text in statements)
    if statements and (plain or all(_looks(text) for text in statements)):
        call.read(file)
    else:
        call.write(file)
        if any(text.lstrip().startswith(".") or "(" in text for text in statements):
            call.unknown("It may start a program or write a file.")
        call.add("migration.change", file[0].text if file else "sqlite3", "It may change data or tables.")


def redis(call: Call) -> None:
    """redis-cli: the command of Redis decides; scripts, settings and rights are not followed."""
    if not call.clear():
        return
    given = arguments(call.args, _REDIS_VALUED)
    verb = given.rest[0].text.lower() if given.rest else ""
    if given.has("-v", "--version", "--help"):
        call.add("read", "redis-cli")
    elif given.has("-x", "-X", "--pipe", "--eval", "--rdb", "--functions-rdb") or not verb:
        call.unknown("What it sends or writes is not written in the command.")
    elif verb in _REDIS_LOOKS:
        look(call, f"redis-cli {verb}")
    elif verb in _REDIS_CHANGES:
        _changes(call, f"redis-cli {verb}")
    else:
        call.unknown(f"redis-cli {verb} is not a command that the portal knows.")


def whole(call: Call) -> None:
    """Programs that copy a whole database out, fill one, drop one, or make its users."""
    if not call.clear():
        return
    given = arguments(call.args, names("-f -r -o -h -p -U -u -d -n -t --file --result-file --out"))
    call.look_at(call.args)
    call.write(given.values("-f", "--file", "-r", "--result-file", "-o", "--out"))
    kind = _WHOLE[call.program]
    if kind == "network.fetch":
        look(call, call.program)
    elif kind == "migration.change":
        _changes(call, call.program)
    else:
        call.add(kind, call.program, environment=environment_of(call))


def _statement(call: Call, statement: str) -> None:
    if _PASSWORDS.search(statement):
        call.add("secret.read", call.program, "It names a table or a column that may hold secrets.")
    if _RIGHTS.search(statement):
        call.add("access.change", call.program, "It changes who may use the database.")
    if _looks(statement):
        look(call, f"{call.program} query")
    else:
        _changes(call, f"{call.program} statement")


def _looks(statement: str) -> bool:
    """Return whether a text is one statement that only looks. A function that is not in the table may do anything."""
    bare = _QUOTED.sub("''", statement.strip().removesuffix(";"))
    if ";" in bare or "$$" in bare or "--" in bare or "/*" in bare or "\\" in bare or "'" in bare.replace("''", ""):
        return False
    called = {name.lower() for name in re.findall(r"([\w.\"`]+)\s*\(", bare)}
    return bool(_LOOKS.match(bare)) and not _CHANGES.search(bare) and called <= _CALLS


def _changes(call: Call, what: str) -> None:
    environment = environment_of(call)
    call.add("migration.change", what, "It may change or lose stored data.", environment=environment)
    if environment == "production":
        call.add("deploy.production", what, "It changes data that customers use.", environment=environment)


def _variables(call: Call, given: Arguments, *options: str) -> None:
    if given.has(*options):
        call.unknown("A variable changes the statement after it is read.")


def _read_statements(call: Call, texts: list[str]) -> list[str]:
    """The statements that are read; each is looked at beside all the words, so nobody's hundreds of them are."""
    if len(texts) > _MOST_STATEMENTS:
        call.unknown(f"It holds more than {_MOST_STATEMENTS} statements.")
    return texts[:_MOST_STATEMENTS]


def _needs_statements(call: Call, statements: list[str], *, files: bool = False) -> None:
    if files or not statements:
        call.unknown("The statements stand in a file, come from another program, or are typed later.")
