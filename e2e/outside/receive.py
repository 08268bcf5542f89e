"""receive.py FOLDER [CERTIFICATE KEY]: receives mail and HTTP requests and writes each into a file of FOLDER.

Prints one line of JSON with the ports, and serves until its input ends. With a certificate, mail needs STARTTLS and an
account ("taizhang", "right"), and HTTP is HTTPS. What the receivers do is in the name that is written to:

    mail  anybody@ takes it;  slow@ takes it, and answers after 1.5 s;  stuck@ never answers;
          full@ answers 452;  nobody@ answers 550
    HTTP  /ok 204;  /slow takes it, and answers after 1.5 s;  /drip sends a byte of the answer a second;
          /busy 503;  /gone 410;  /redirect 302 to /ok
"""

import asyncio
import email.policy
import http.server
import json
import logging
import os
import ssl
import sys
import threading
import time

from aiosmtpd.smtp import SMTP, AuthResult

# Clients that hang up are what some tests are about.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)
http.server.ThreadingHTTPServer.handle_error = lambda *_: None

folder = sys.argv[1]
context = None
if len(sys.argv) > 2:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
counter = iter(range(1_000_000))
counting = threading.Lock()


def keep(kind, **what):
    """A file appears whole or not at all."""
    with counting:
        name = f"{kind}-{next(counter):06}.json"
    path = os.path.join(folder, name)
    with open(path + ".new", "w") as file:
        json.dump(what, file)
    os.rename(path + ".new", path)


class Mail:
    async def handle_DATA(self, server, session, envelope):
        name = envelope.rcpt_tos[0].split("@")[0]
        if name == "full":
            return "452 4.2.2 the mailbox of full@example.cn is full"
        if name == "nobody":
            return "550 5.1.1 nobody@example.cn is not known here"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        keep(
            "mail",
            sender=envelope.mail_from,
            receivers=envelope.rcpt_tos,
            text=message.get_content(),
            headers={name.lower(): str(value) for name, value in message.items()},
        )
        await asyncio.sleep({"slow": 1.5, "stuck": 600}.get(name, 0))
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (b"taizhang", b"right")
    return AuthResult(success=good, handled=False)


class Hook(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        keep("hook", path=self.path, body=body, headers={k.lower(): v for k, v in self.headers.items()})
        if self.path == "/slow":
            time.sleep(1.5)
        if self.path == "/drip":
            for byte in b"HTTP/1.1 204 No Content\r\n" * 100:
                self.wfile.write(bytes([byte]))
                time.sleep(1)
        status = {"/busy": 503, "/gone": 410, "/redirect": 302}.get(self.path, 204)
        self.send_response(status)
        if status == 302:
            self.send_header("location", "/ok")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


async def serve():
    secure = {"tls_context": context, "authenticator": authenticate, "auth_required": True} if context else {}
    loop = asyncio.get_running_loop()
    mail = await loop.create_server(lambda: SMTP(Mail(), loop=loop, **secure), "127.0.0.1", 0)
    hooks = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    hooks.daemon_threads = True
    if context:
        hooks.socket = context.wrap_socket(hooks.socket, server_side=True)
    threading.Thread(target=hooks.serve_forever, daemon=True).start()
    print(json.dumps({"mail": mail.sockets[0].getsockname()[1], "hooks": hooks.server_port}))
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(serve())
