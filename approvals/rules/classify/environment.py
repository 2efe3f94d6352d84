"""Which environment variables change what programs do, and which hold secrets, told by their names.

The tables: names that hold secrets (``SECRET_VARIABLE``), names that make a program run another one (``_STEERING``)
with the harmless ones of the same family (``_ORDINARY``), and names that say where a program works (``_ADDRESS``).
"""

import re

SECRET_VARIABLE = re.compile(
    r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|APIKEY|API_KEY|ACCESS_KEY|PRIVATE_KEY|CREDENTIALS?|PAT|PASS|JWT"
    r"|BEARER|(?:SIGNING|ENCRYPTION|MASTER|DEPLOY|AUTH|SERVICE)_KEY)S?(?:_|$)|PASSWORD$|_PWD$|^SSHPASS$",
    re.IGNORECASE,
)
# Each of these makes an ordinary program run another one, or find another one under its own name.
_STEERING = re.compile(
    r"(?:PATH|IFS|ENV|BASH_.*|SHELLOPTS|BASHOPTS|PS4|PROMPT_COMMAND|CDPATH|HOME|XDG_CONFIG_.*|ZDOTDIR|FPATH|LD_.*|DYLD_.*"
    r"|GCONV_PATH|PERL5.*|PERLLIB|PYTHONSTARTUP|PYTHONHOME|PYTHONINSPECT|PYTHONBREAKPOINT|RUBYOPT|RUBYLIB|NODE_OPTIONS"
    r"|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|GIT_.*|GH_.*|SSH_.*|.*PAGER|EDITOR|VISUAL|BROWSER|LESSOPEN|LESSCLOSE|RIPGREP_CONFIG_PATH"
    r"|CURL_HOME|WGETRC|LESS|LESSKEY.*|MORE|PYTEST_ADDOPTS|PYTEST_PLUGINS|HELM_.*|TF_.*|BUNDLE_.*|YARN_.*|(?i:NPM_CONFIG_.*)"
    r"|DOCKER_(?:CONTEXT|CONFIG|CERT_PATH|TLS.*)|GREP_OPTIONS|TAR_OPTIONS|MAKEFLAGS|CC|CXX|RUSTC.*|RUSTFLAGS|CARGO_.*|GOFLAGS|npm_config_.*|PIP_.*|UV_.*"
    r"|[a-zA-Z]*_proxy|[A-Z]*_PROXY|AWS_.*|KUBECONFIG|DOCKER_HOST|PSQLRC|PSQL_.*|PGSERVICEFILE|PGSYSCONFDIR|MYSQL_HOME"
    # What an interpreter, a build or the C library loads, runs or writes by itself.
    r"|PYTHON.*|MYPYPATH|VIRTUAL_ENV|CONDA_.*|NODE_PATH|TS_NODE_.*|MAKEFILES|GNUMAKEFLAGS|MFLAGS|MAKESHELL|SHELL|AR|AS|LD|CPP"
    r"|(?:CGO_)?(?:C|CXX|CPP|LD|F|FF)FLAGS(?:_ALLOW)?|GO(?:ROOT|ENV|TOOLCHAIN|PROXY|PATH|MODCACHE|SUMDB|NOSUMDB|INSECURE"
    r"|WORK|VCS|AUTH|CACHEPROG)|PKG_CONFIG.*|RUSTUP_.*|JAVA_.*|JDK_.*|MAVEN_.*|MVN_.*|GRADLE_.*|SBT_.*|DOTNET_.*|CORECLR_.*"
    r"|MSBUILD.*|ERL_.*|ELIXIR_.*|GEM_.*|RUBYGEMS_.*|SPEC_OPTS|RAKEOPT|PHPRC|PHP_INI.*|COVERAGE_.*|TOX.*|NOX.*|PYLINT.*|RUFF_CONFIG"
    r"|PRE_COMMIT.*|HUSKY.*|SKIP|OPENSSL_.*|SSLKEYLOGFILE|TZ|TZDIR|NLSPATH|LOCPATH|MALLOC_TRACE|GLIBC_TUNABLES|TERMINFO.*"
    r"|HOSTALIASES|RES_OPTIONS|LOCALDOMAIN|GLOBIGNORE|EXECIGNORE|FIGNORE|INPUTRC|HISTFILE)"
)
_PRODUCTION = re.compile(r"(?:^|[^a-z])(?:prod|production|prd|live)(?:[^a-z]|$)", re.IGNORECASE)
_ADDRESS = re.compile(
    r"(?:^|_)(?:URL|URI|DSN|HOST|HOSTNAME|ADDR|ENDPOINT|DATABASE|DB|SETTINGS_MODULE|CONTEXT|PROFILE|PROJECT)(?:_|$)"
    r"|^PG(?:HOST|DATABASE|SERVICE)$",
    re.IGNORECASE,
)
_ORDINARY = re.compile(
    r"GIT_(?:AUTHOR|COMMITTER)_(?:NAME|EMAIL|DATE)|GIT_TERMINAL_PROMPT|AWS_(?:DEFAULT_)?REGION"
    r"|PYTHON(?:UNBUFFERED|DONTWRITEBYTECODE|HASHSEED|IOENCODING|UTF8|FAULTHANDLER|DEVMODE|TRACEMALLOC|MALLOC|OPTIMIZE"
    r"|ASYNCIODEBUG|NOUSERSITE|SAFEPATH|VERBOSE|PROFILEIMPORTTIME)|DOTNET_(?:CLI_TELEMETRY_OPTOUT|NOLOGO)|SKIP_\w+"
)
# Of these families a value that is plainly this leads nowhere else.
_PLACE = r"(?:\.|(?:\./)?[\w-][\w.-]*|\$PWD|\$\(pwd\)|\$\{PWD\}|\$PYTHONPATH)(?:/[\w-][\w.-]*)*"
_FLAG = r"-(?:O\w?|g\d?|W(?![alp],)[\w=-]+|std=[\w+]+|D\w+(?:=\w+)?|pipe|pthread|fPIC)"
_ORDINARY_VALUES: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (
    (re.compile(r"PYTHONPATH|MYPYPATH|NODE_PATH"), re.compile(rf"['\"]?{_PLACE}(?::{_PLACE})*['\"]?")),
    (re.compile(r"PYTHONWARNINGS"), re.compile(r"['\"]?(?:error|ignore|default|always|module|once)(?:::\w+)?['\"]?")),
    (re.compile(r"TZ"), re.compile(r"['\"]?(?:[A-Z]{3,4}[\d+-]*|[A-Z][a-z]+/[A-Z]\w+)?['\"]?")),
    (re.compile(r"TOXENV|TOX_ENV"), re.compile(r"py[\d,py.]*|lint|tests?|docs")),
    (re.compile(r"(?:CGO_)?(?:C|CXX|CPP|F|FF)FLAGS"), re.compile(rf"['\"]?(?:{_FLAG}(?: {_FLAG})*)?['\"]?")),
)


def _plain(name: str, value: str) -> bool:
    return any(names.fullmatch(name) and values.fullmatch(value) for names, values in _ORDINARY_VALUES)


def effect_of_setting(name: str, value: str) -> str | None:
    """Return, as a sentence, why setting this variable makes a command another one; None when it does not."""
    if _STEERING.fullmatch(name) and not _ORDINARY.fullmatch(name) and not _plain(name, value):
        return f"Setting {name} changes what other programs do."
    # Tests that run with the database of production are no tests.
    if _PRODUCTION.search(value) and _ADDRESS.search(name):
        return f"{name} leads programs to production."
    return None
