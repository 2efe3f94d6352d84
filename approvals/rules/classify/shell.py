"""Reads a shell command as a tree and finds every program it can start, every file it redirects to, and what hides.

Nothing is executed and nothing is guessed: what the tree does not show becomes ``unknown``. Everything that is
found is kept, so a longer command is never judged more mildly than one of its parts. Branches of ``if`` and ``||``
are all taken to happen, and the body of a function is taken to run where it is defined.
"""

import re
from collections.abc import Callable, Sequence

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from approvals.rules.classify import grammar
from approvals.rules.classify.actions import Action, note_command
from approvals.rules.classify.bounds import Bounds
from approvals.rules.classify.call import Call, Word
from approvals.rules.classify.commands import program_reader, read_call
from approvals.rules.classify.environment import SECRET_VARIABLE
from approvals.rules.classify.paths import Place
from approvals.rules.classify.variables import COMPARES, EVALUATES, Variables
from approvals.rules.classify.words import masked, text_of, word_of
from registry.rules.catalogue import Catalogue

_LANGUAGE = Language(tree_sitter_bash.language())


def read_script(
    text: str, place: Place, found: list[Action], catalogue: Catalogue, bounds: Bounds | None = None
) -> None:
    """Add to ``found`` what the script does when started at ``place``; ``bounds`` are those of the call it is in."""
    bounds = bounds or Bounds()
    if too_large := bounds.too_large(text):
        found.append(Action("unknown", "shell", too_large))
        return
    root = Parser(_LANGUAGE).parse(masked(text)).root_node
    reader = _Reader(text, place, found, catalogue, bounds)
    if grammar.MISREAD.search(text):
        reader.unknown("It holds characters that a shell and a reader take differently.")
    if root.has_error:
        # What stands before and after the error still counts: an error added on purpose must not hide the rest.
        reader.unknown("It is not a shell command that can be parsed.")
        reader.fragments()
    reader.visit(root)
    reader.names.finish()


class _Reader:
    """Walks one script's tree, and notes in ``names`` what it does with variables."""

    def __init__(self, text: str, place: Place, found: list[Action], catalogue: Catalogue, bounds: Bounds) -> None:
        self.text = text
        self.place = place
        self.found = found
        self.catalogue = catalogue
        self.bounds = bounds
        self.looped = 0
        self.left_behind: tuple[str, ...] = ()
        self.names = Variables(text, self.unknown)
        self.variables = self.names.values
        self.visitors: dict[str, Callable[[Node], None]] = {
            "program": self.statements,
            "compound_statement": self.statements,
            "do_group": self.statements,
            "subshell": self.subshell,
            "command_substitution": self.subshell,
            "process_substitution": self.subshell,
            "list": self.and_or,
            "command": self.command,
            "redirected_statement": self.redirected,
            "file_redirect": self.file_redirect,
            "heredoc_redirect": self.heredoc,
            "heredoc_body": self.children,
            "herestring_redirect": self.children,
            "variable_assignment": self.assignment,
            "variable_assignments": self.children,
            "declaration_command": self.declaration,
            "unset_command": self.declaration,
            "function_definition": self.loop,
            "while_statement": self.loop,
            "for_statement": self.loop,
            "c_style_for_statement": self.loop,
            "if_statement": self.branches,
            "elif_clause": self.branches,
            "else_clause": self.branches,
            "case_statement": self.branches,
            "test_command": self.test,
            "arithmetic_expansion": self.arithmetic,
            "simple_expansion": self.expansion,
            "expansion": self.expansion,
        }

    def unknown(self, why: str) -> None:
        self.found.append(Action("unknown", "shell", why))

    def fragments(self) -> None:
        for part in grammar.SEPARATORS.split(self.text)[:64]:
            root = Parser(_LANGUAGE).parse(masked(part)).root_node
            if part.strip() and not root.has_error:
                place = Place(self.place.root, self.place.dirs)
                _Reader(part, place, self.found, self.catalogue, self.bounds).visit(root)

    def visit(self, node: Node, extra: Sequence[Word] = ()) -> None:
        """Visit a node; ``extra`` are words that the grammar put after a redirection and the shell does not."""
        if self.bounds.too_many_nodes():
            self.unknown("It is too large to be read.")
            return
        kind = node.type
        if extra:
            self.with_extra(node, extra)
        elif kind in self.visitors:
            self.visitors[kind](node)
        elif kind in grammar.DATA:
            if kind in {"raw_string", "ansi_c_string"}:
                source = text_of(node, self.text)
                self.names.hides_code = self.names.hides_code or "$(" in source or "`" in source
            elif kind in {"word", "regex", "extglob_pattern"} and grammar.MISSED.search(text_of(node, self.text)):
                self.unknown("A command may be hidden where a plain text is expected.")
        elif kind in grammar.THROUGH:
            self.children(node)
        else:
            if kind != "ERROR":
                self.unknown(f"It uses a shell construct that is not followed here ({kind}).")
            self.children(node)

    def with_extra(self, node: Node, extra: Sequence[Word]) -> None:
        if node.type == "command":
            self.command(node, extra)
        elif node.type in {"list", "pipeline", "negated_command"} and node.named_children:
            for child in node.named_children[:-1]:
                self.visit(child)
            self.visit(node.named_children[-1], extra)
        else:
            self.unknown("It is not clear which program the last words belong to.")
            self.visit(node)

    def children(self, node: Node) -> None:
        for child in node.named_children:
            self.visit(child)

    def statements(self, node: Node) -> None:
        if self.text.startswith("((", node.start_byte):
            self.names.compute()
        for child in node.named_children:
            self.visit(child)
            self.settle()

    def settle(self) -> None:
        """At the end of a statement the directory is either the new one or, had ``cd`` failed, the old."""
        if self.left_behind and self.place.dirs:
            dirs = tuple(dict.fromkeys((*self.place.dirs, *self.left_behind)))
            self.place.dirs = dirs if len(dirs) <= 8 else ()
        self.left_behind = ()

    def and_or(self, node: Node) -> None:
        self.in_turn(node.children)

    def in_turn(self, parts: Sequence[Node]) -> None:
        for part in parts:
            if part.is_named:
                self.visit(part)
            elif part.type != "&&":
                self.settle()

    def subshell(self, node: Node) -> None:
        before, behind = self.place.dirs, self.left_behind
        self.statements(node)
        self.place.dirs, self.left_behind = before, behind

    def loop(self, node: Node) -> None:
        if node.type == "c_style_for_statement":
            self.names.compute()
        self.looped += 1
        for child in node.named_children:
            if child.type == "variable_name":
                self.names.name(text_of(child, self.text))
                self.names.from_elsewhere = self.names.from_elsewhere or any(
                    not word_of(part, self.variables, self.text).literal
                    or grammar.WILDCARD.search(text_of(part, self.text))
                    for part in node.children_by_field_name("value")
                )
            self.visit(child)
        self.looped -= 1
        self.settle()

    def branches(self, node: Node) -> None:
        self.looped += 1
        for child in node.named_children:
            self.visit(child)
            self.settle()
        self.looped -= 1

    def test(self, node: Node) -> None:
        self.names.evaluates = True
        self.names.computes = self.names.computes or COMPARES.search(text_of(node, self.text)) is not None
        self.found.append(Action("read", "test", "test"))
        self.children(node)

    def arithmetic(self, node: Node) -> None:
        self.names.compute()
        self.children(node)

    def expansion(self, node: Node) -> None:
        source = text_of(node, self.text)
        if source.startswith("${!") or re.search(r"@[A-Za-z]\}$", source) or grammar.MISQUOTED.search(source):
            self.unknown(f"{source} names a variable indirectly, or may hide a command.")
        if EVALUATES.match(source):
            self.names.compute()
        names = [text_of(child, self.text) for child in node.named_children if child.type == "variable_name"]
        if re.match(r"\$\{\w+:?=", source):
            self.names.sets = True
            self.names.name(names[0])
        for name in names[:1]:
            if SECRET_VARIABLE.search(name) and name not in self.names.assigned:
                self.found.append(
                    Action("secret.read", f"${name}", "It uses a variable whose name says it is a secret.")
                )
        self.children(node)

    def assignment(self, node: Node) -> None:
        target, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        before_command = node.parent is not None and node.parent.type == "command"
        if not before_command:
            self.found.append(Action("read", "shell", "It sets a variable."))
        if target is None:
            self.unknown("It sets something that cannot be read.")
            return
        name = text_of(target, self.text)
        self.names.name(name, text_of(value, self.text) if value is not None else "")
        if target.type != "variable_name":
            self.names.compute()
        self.children(node)
        if before_command:
            return
        word = word_of(value, self.variables, self.text) if value is not None else Word("", literal=False)
        certain = word.literal and not word.glob and text_of(node, self.text)[len(name)] == "="
        self.variables[name] = word.text if certain else None
        # What is written here is followed all the same, so that setting a variable again cannot hide its first use.
        if self.looped or self.names.mentions(name) > 1:
            self.names.sets = True

    def declaration(self, node: Node) -> None:
        printing = True
        for child in node.named_children:
            if child.type == "variable_assignment":
                printing = False
                self.assignment(child)
            elif child.type == "variable_name":
                printing = False
                name = text_of(child, self.text)
                self.names.name(name)
                self.variables[name] = None
            elif not text_of(child, self.text).startswith("-"):
                printing = False
                self.names.sets = self.names.evaluates = True
                self.visit(child)
                # `export "PATH=x"`: a quoted word is an assignment here.
                word = word_of(child, self.variables, self.text)
                name, _, value = word.text.partition("=")
                self.names.name(name, value) if word.literal else self.unknown(f"{name} is not written out.")
            elif re.fullmatch(r"-\w*[in]\w*", text_of(child, self.text)):
                self.unknown("It makes a name stand for another variable, or makes setting one evaluate a text.")
        if printing or "p" in " ".join(re.findall(r"\s-(\w+)", text_of(node, self.text))):
            self.found.append(Action("secret.read", "environment", "It prints every variable."))
        self.found.append(Action("read", "shell", "It declares variables."))

    def redirected(self, node: Node) -> None:
        body = node.child_by_field_name("body")
        extra: list[Word] = []
        if body is not None and body.type == "list":
            # `cd x && ls > f`: the grammar gives the redirection to the whole list, the shell to its last part alone.
            self.in_turn(body.children[:-1])
            body = body.children[-1]
        # Targets are opened before the program starts, in the directory of that moment.
        for redirect in node.children_by_field_name("redirect"):
            extra += self.redirect(redirect)
        if body is None:
            self.found.append(Action("read", "shell", "It only opens files."))
            return
        before = self.place.dirs
        self.visit(body, extra)
        if self.place.dirs != before:
            # In `cd x | ls > f` too it belongs to the last program, whose directory is not certain.
            for redirect in node.children_by_field_name("redirect"):
                self.redirect(redirect)

    def redirect(self, node: Node) -> list[Word]:
        if node.type == "file_redirect":
            return self.file_redirect_words(node)
        self.visit(node)
        if node.type == "heredoc_redirect":
            return [word_of(part, self.variables, self.text) for part in node.children_by_field_name("argument")]
        return []

    def file_redirect(self, node: Node) -> None:
        if self.file_redirect_words(node):
            self.unknown("It is not clear which program the words after a redirection belong to.")

    def file_redirect_words(self, node: Node) -> list[Word]:
        targets = node.children_by_field_name("destination")
        operator = next((child.type for child in node.children if not child.is_named), "")
        for target in targets:
            self.visit(target)
        if not targets or targets[0].type == "process_substitution":
            return [word_of(target, self.variables, self.text) for target in targets[1:]]
        word = word_of(targets[0], self.variables, self.text)
        duplicates = operator in {">&", "<&"} and re.fullmatch(r"\d+-?|-", word.text) is not None
        if word.text.startswith(("/dev/tcp/", "/dev/udp/")):
            self.found.append(Action("network.write", word.text, "It opens a network connection.", host=None))
        elif not duplicates:
            call = self.call("redirection", ())
            (call.read if operator == "<" else call.write)([word])
        return [word_of(target, self.variables, self.text) for target in targets[1:]]

    def heredoc(self, node: Node) -> None:
        start = next((text_of(child, self.text) for child in node.children if child.type == "heredoc_start"), "")
        mark = start.strip("'\"\\")
        if not grammar.DELIMITER.fullmatch(start):
            self.unknown("The end of a text written into the command cannot be told.")
        for child in node.named_children:
            if child.type == "heredoc_body":
                # Were the grammar to miss the end, commands after it would be taken for text.
                body = text_of(child, self.text)
                if mark in map(str.strip, body.split("\n")) or (start == mark and grammar.BACKQUOTE.search(body)):
                    self.unknown("A text written into the command may end early or hold commands.")
                if start == mark:
                    self.visit(child)
            elif child.type == "file_redirect":
                self.file_redirect(child)
            elif child.type in grammar.WORDS:
                for part in child.named_children:
                    self.visit(part)
            else:
                self.visit(child)

    def command(self, node: Node, extra: Sequence[Word] = ()) -> None:
        argv: list[Word] = []
        late: list[Word] = []
        for child in node.children:
            kind = child.type
            if kind == "variable_assignment":
                self.assignment(child)
            elif kind in {"file_redirect", "herestring_redirect", "heredoc_redirect"}:
                late += self.redirect(child)
            else:
                argv.append(word_of(child, self.variables, self.text))
                if kind == "raw_string" or child.named_child_count:
                    self.visit(child)
        self.run([*argv, *late, *extra])

    def call(self, program: str, args: Sequence[Word]) -> Call:
        return Call(program, args, self.place, self.found, self.run, self.script)

    def script(self, text: str) -> None:
        read_script(text, self.place, self.found, self.catalogue, self.bounds)

    def run(self, argv: Sequence[Word]) -> None:
        """Add what one program does with these words."""
        if not argv:
            self.found.append(Action("read", "shell", "It starts no program."))
            return
        head = argv[0]
        if not head.literal or head.glob:
            self.unknown(f"Which program {head.text} stands for is only known when it runs.")
            return
        if head.text in {"cd", "pushd"}:
            self.change_directory(argv[1:])
            return
        if head.text in grammar.VARIABLE_SETTERS:
            self.names.give(head.text, argv[1:])
        if past := self.bounds.enter():
            self.unknown(past)
            return
        program, reader = program_reader(head.text)
        call = self.call(program, argv[1:])
        before = len(self.found)
        words = read_call(call, reader, self.catalogue)
        call.judge_place(before)
        note_command(self.found, before, words)
        self.bounds.leave()

    def change_directory(self, args: Sequence[Word]) -> None:
        targets = [word for word in args if not word.text.startswith("-") or word.text == "-"]
        self.left_behind = (*self.left_behind, *self.place.dirs)
        self.found.append(Action("read", "cd", "It changes the directory."))
        target = targets[0] if len(targets) == 1 else Word("~")
        if target.text == "-" or not target.literal or target.glob or self.looped:
            self.place.dirs = ()
            if not target.literal:
                self.call("cd", args).clear()
            return
        self.place.dirs = self.place.resolve(target.text)
        self.call("cd", args).read([Word(directory) for directory in self.place.dirs], content=False)
