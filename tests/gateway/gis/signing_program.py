"""A signing program for tests: it signs nothing, but puts a ds:Signature where one belongs."""

import sys

SIGNATURE = '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">test</ds:Signature>'

how = sys.argv[1] if len(sys.argv) > 1 else "signing"
body = sys.stdin.read()
if how == "failing":
    sys.stderr.write("no token in the slot\n")
    sys.exit(3)
if how == "silent":
    sys.exit(0)
if how == "changed":
    body = body.replace("1300.00", "1300.01")
if how != "unsigned":
    end = body.index(">", body.index("importMeteringDeviceValuesRequest")) + 1
    body = body[:end] + SIGNATURE + body[end:]
sys.stdout.write(body * 1000 if how == "endless" else body)
