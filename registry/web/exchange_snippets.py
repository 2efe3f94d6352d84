"""The lines that exchange a token, written out exactly as they are to be saved."""

import shlex
from urllib.parse import quote

from registry.web.connect import TOKEN_VARIABLE

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
SUBJECT_TYPE = "urn:ietf:params:oauth:token-type:jwt"


def exchange_lines(*, base_url: str, agent: str) -> str:
    """Shell lines that put the credential's token into the environment; ``OUTSIDE_TOKEN`` holds the outside one."""
    return "\n".join(
        [
            f"token=$(curl -sS --fail-with-body {shlex.quote(base_url + '/api/v1/token')} \\",
            f"  --data-urlencode grant_type={GRANT_TYPE} \\",
            f"  --data-urlencode subject_token_type={SUBJECT_TYPE} \\",
            '  --data-urlencode subject_token="$OUTSIDE_TOKEN" \\',
            f"  --data-urlencode agent={shlex.quote(agent)} | jq -er .access_token)",
            f'export {TOKEN_VARIABLE}="$token"',
        ]
    )


def github_workflow(*, base_url: str, agent: str, audience: str) -> str:
    """The part of a GitHub Actions workflow that gets a token before the agent runs."""
    *fetch, _ = exchange_lines(base_url=base_url, agent=agent).splitlines()
    asked = f"$ACTIONS_ID_TOKEN_REQUEST_URL&audience={quote(audience, safe='')}"
    script = [
        'OUTSIDE_TOKEN=$(curl -sS --fail-with-body -H "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \\',
        f'  "{asked}" | jq -er .value)',
        *fetch,
        'echo "::add-mask::$token"',
        f'echo "{TOKEN_VARIABLE}=$token" >> "$GITHUB_ENV"',
    ]
    head = [
        "permissions:",
        "  id-token: write",
        "  contents: read",
        "steps:",
        "  - name: Get the agent's credential",
        "    # Before anything that the agent itself may run.",
        "    shell: bash",
        "    run: |",
    ]
    return "\n".join([*head, *(f"      {line}" for line in script)])
