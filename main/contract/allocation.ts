/**
 * Settings of glibc's allocator (mallopt(3)) for processes that open models, in their environment when they start.
 * Left to itself, glibc raises the size from which it maps memory, up to 32 MB, as soon as a large block is freed; the
 * stored and the repacked matrices of a block of a model then lie between each other, and what opening freed is not
 * returned: models of 16-bit weights took 1.85 times their float32 bytes. With a fixed size they take what they hold.
 * Maps are at most half of those that Linux allows a process by default (65,530).
 */
export const allocationEnvironment = { MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_MMAP_MAX_: '32768' } as const;

/** Matrices of this many bytes or more are mapped alone. */
export const MAPPED_ALONE = Number(allocationEnvironment.MALLOC_MMAP_THRESHOLD_);
export const MOST_MAPPED = Number(allocationEnvironment.MALLOC_MMAP_MAX_);

type Environment = Readonly<Partial<Record<string, string>>>;

/** An environment with these settings, where it does not have its own. */
export const withAllocation = (environment: Environment): Environment => ({ ...allocationEnvironment, ...environment });

/** Without them, for programs that allocate in other ways: PyTorch would map every result anew. */
export const withoutAllocation = (environment: Environment): Environment =>
  Object.fromEntries(
    Object.entries(environment).filter(
      ([name, value]) =>
        !(name in allocationEnvironment) || !Object.values<unknown>(allocationEnvironment).includes(value),
    ),
  );
