"""What the shell reader knows of the grammar: node types by how they are walked, and where grammar and shell differ."""

import re

from approvals.rules.classify.call import names

# The grammar and the shell read these differently, so a tree that holds one proves nothing: a line continuation
# inside a word, a carriage return, and control characters.
MISREAD = re.compile(r"\S\\\n\S|[\x00-\x08\x0b-\x1f\x7f]")
# Inside ${x:-…} the grammar takes a substitution for plain text; the shell runs it.
MISSED = re.compile(r"(?<!\\)(?:`|[$<>]\()")
# Nor is it one in quotes there when the whole stands in double quotes, where single ones do not quote; and of a text
# written into the command the grammar sees no backquotes at all.
MISQUOTED = re.compile(r"'[^']*(?:`|\$\()")
BACKQUOTE = re.compile(r"(?<!\\)`")
DELIMITER = re.compile(r"\\?\w+|'\w+'|\"\w+\"")
SEPARATORS = re.compile(r"[;&|\n(){}`]|\$\(")
WORDS = names(
    """
    word number string raw_string ansi_c_string translated_string concatenation simple_expansion
    expansion command_substitution process_substitution arithmetic_expansion brace_expression
    extglob_pattern regex
    """
)
DATA = names(
    """
    comment variable_name special_variable_name string_content heredoc_start heredoc_content
    heredoc_end file_descriptor test_operator regex extglob_pattern word number raw_string
    ansi_c_string brace_expression
    """
)
THROUGH = names(
    """
    command_name string concatenation array binary_expression unary_expression postfix_expression
    parenthesized_expression ternary_expression subscript negated_command pipeline translated_string
    case_item
    """
)
WILDCARD = re.compile(r"[*?\[]")
VARIABLE_SETTERS = frozenset({"read", "mapfile", "readarray", "getopts", "let", "printf", "test", "[", "set"})
