#!/usr/bin/env python3
"""Verifies a certificate of a VeetFlow purge with nothing but Python: verify_certificate.py FILE KEY [CONVERSATION]

KEY is what `veetflow certificates` prints: name+number+base64. The certificate is a C2SP signed note with an Ed25519
signature (RFC 8032, section 5.1.7); the curve is written out below so that no package has to be trusted.
"""
import base64, hashlib, json, sys

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def add(one, two):
    (a, b, c, d), (e, f, g, h) = one, two
    m, n, o, q = (b - a) * (f - e) % P, (b + a) * (f + e) % P, 2 * d * h * D % P, 2 * c * g % P
    r, s, t, u = n - m, q - o, q + o, n + m
    return r * s % P, t * u % P, s * t % P, r * u % P


def times(number, point):
    sum_ = (0, 1, 1, 0)
    while number:
        if number & 1:
            sum_ = add(sum_, point)
        point, number = add(point, point), number >> 1
    return sum_


def point(encoded):
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        raise SystemExit("no point of the curve")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def verified(key, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L
    left, right = times(s, BASE), add(point(r), times(h, point(key)))
    same = lambda i: (left[i] * right[2] - right[i] * left[2]) % P == 0
    return s < L and len(signature) == 64 and same(0) and same(1)


note, key = open(sys.argv[1], encoding="utf-8").read(), sys.argv[2].strip()
name, number, encoded = key.split("+", 2)
public = base64.b64decode(encoded)
text, signatures = note.split("\n\n", 1)
mark = f"\u2014 {name} "
signed = [base64.b64decode(line[len(mark):]) for line in signatures.splitlines() if line.startswith(mark)]
if text.split("\n")[0] != name or public[0] != 1 or not signed or signed[0][:4].hex() != number:
    raise SystemExit("signed by somebody else")
if not verified(public[1:], (text + "\n").encode(), signed[0][4:]):
    raise SystemExit("the signature is false")
certificate = json.loads(text.split("\n")[1])
print(json.dumps(certificate, indent=2))
if len(sys.argv) > 3:
    digest = hashlib.sha256(f"{certificate['id']}\n{sys.argv[3]}".encode()).hexdigest()
    if digest not in certificate["conversations_sha256"]:
        raise SystemExit("this conversation is not among those erased")
print("the signature is true")
