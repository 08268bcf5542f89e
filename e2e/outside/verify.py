"""verify.py SECRET FILE: fails unless the request in FILE was signed with SECRET a moment ago."""

import json
import sys

from standardwebhooks.webhooks import Webhook

with open(sys.argv[2]) as file:
    request = json.load(file)
Webhook(sys.argv[1]).verify(request["body"], request["headers"])
