"""Which environment variables change what programs do, and which hold secrets, told by their names."""

import re

SECRET_VARIABLE = re.compile(
    r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|APIKEY|API_KEY|ACCESS_KEY|PRIVATE_KEY|CREDENTIALS?|PAT)S?(?:_|$)",
    re.IGNORECASE,
)
# Each of these makes an ordinary program run another one, or find another one under its own name.
_STEERING = re.compile(
    r"(?:PATH|IFS|ENV|BASH_.*|SHELLOPTS|BASHOPTS|PS4|PROMPT_COMMAND|CDPATH|HOME|XDG_CONFIG_.*|ZDOTDIR|FPATH|LD_.*|DYLD_.*"
    r"|GCONV_PATH|PERL5.*|PERLLIB|PYTHONSTARTUP|PYTHONHOME|PYTHONINSPECT|PYTHONBREAKPOINT|RUBYOPT|RUBYLIB|NODE_OPTIONS"
    r"|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|GIT_.*|GH_.*|SSH_.*|.*PAGER|EDITOR|VISUAL|BROWSER|LESSOPEN|LESSCLOSE|RIPGREP_CONFIG_PATH"
    r"|CURL_HOME|WGETRC|LESS|LESSKEY.*|MORE|PYTEST_ADDOPTS|PYTEST_PLUGINS|HELM_.*|TF_.*|BUNDLE_.*|YARN_.*|(?i:NPM_CONFIG_.*)"
    r"|DOCKER_(?:CONTEXT|CONFIG|CERT_PATH|TLS.*)|GREP_OPTIONS|TAR_OPTIONS|MAKEFLAGS|CC|CXX|RUSTC.*|RUSTFLAGS|CARGO_.*|GOFLAGS|npm_config_.*|PIP_.*|UV_.*"
    r"|[a-zA-Z]*_proxy|[A-Z]*_PROXY|AWS_.*|KUBECONFIG|DOCKER_HOST)"
)
_ORDINARY = re.compile(r"GIT_(?:AUTHOR|COMMITTER)_(?:NAME|EMAIL|DATE)|GIT_TERMINAL_PROMPT|AWS_(?:DEFAULT_)?REGION")


def steers_programs(name: str) -> bool:
    """Return whether setting this variable can change which program runs, or what it runs in turn."""
    return _STEERING.fullmatch(name) is not None and _ORDINARY.fullmatch(name) is None
