"""close.py A B LIMIT: two files of float32 logits differ by at most LIMIT of the deviation of A."""
import struct, sys


def load(path):
    data = open(path, "rb").read()
    return struct.unpack("<%df" % (len(data) // 4), data)


a, b, limit = load(sys.argv[1]), load(sys.argv[2]), float(sys.argv[3])
mean = sum(a) / len(a)
deviation = (sum((x - mean) ** 2 for x in a) / len(a)) ** 0.5
worst = max(abs(x - y) for x, y in zip(a, b)) / deviation
print("largest difference: %.2g of the deviation" % worst)
sys.exit(len(a) != len(b) or not worst <= limit)
