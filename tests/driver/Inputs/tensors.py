"""Writes a small safetensors file with the standard library: tensors.py FILE 'NAME DTYPE SHAPE VALUES' ...

SHAPE: numbers with x between them, - for []. VALUES: numbers with commas between them; fewer of them repeat."""
import struct, sys, json

FORMAT = {"F64": "d", "F32": "f", "F16": "e", "U8": "B", "I8": "b", "I32": "i", "I64": "q"}


def bf16(x):
    bits = struct.unpack("<I", struct.pack("<f", x))[0]
    return struct.pack("<H", (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)


def main():
    header, data = {}, b""
    for text in sys.argv[2:]:
        name, dtype, shape, values = text.split()
        shape = [] if shape == "-" else [int(n) for n in shape.split("x")]
        values = [float(v) for v in values.split(",")]
        count = 1
        for n in shape:
            count *= n
        values = [values[i % len(values)] for i in range(count)]
        whole = dtype in ("U8", "I8", "I32", "I64")
        body = b"".join(bf16(v) if dtype == "BF16" else struct.pack("<" + FORMAT[dtype], int(v) if whole else v) for v in values)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(body)]}
        data += body
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with open(sys.argv[1], "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head + data)


main()
