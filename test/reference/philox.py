"""The random streams of src/tensors/random.ts: Philox4x32-10, so that another implementation can be given our draws."""

MASK = 0xFFFFFFFF


class Stream:
    def __init__(self, seed, *counters):
        self.seed = seed
        self.counters = tuple(counters) + (0,) * (3 - len(counters))
        self.block, self.blocks = [], 0

    def word(self):
        if not self.block:
            c0, (c1, c2, c3), (k0, k1) = self.blocks, self.counters, self.seed
            for _ in range(10):
                p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
                c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & MASK, (p0 >> 32) ^ c3 ^ k1, p0 & MASK
                k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
            self.block, self.blocks = [c0, c1, c2, c3], self.blocks + 1
        return self.block.pop(0)

    def uniform(self):
        return (self.word() >> 8) * 2.0**-24

    def bernoulli(self, p):
        return self.word() * 2.0**-32 < p

    def integer(self, n):
        product = self.word() * n
        if (product & MASK) < n:
            threshold = (2**32 - n) % n
            while (product & MASK) < threshold:
                product = self.word() * n
        return product >> 32
