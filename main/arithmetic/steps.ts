import { present } from '../contract/errors.ts';
import { multiply, type Product, type Products } from './product.ts';

/**
 * Long arithmetic that yields after each part, so that its caller can check whether to go on. A large product is
 * requested instead of computed: the caller returns its result.
 */
export type Steps<T> = Generator<Product | undefined, T, Float64Array | undefined>;

/**
 * Runs steps with `pause` after each part, and with products by `products` (default: plain loops); a rejection of
 * either ends the work.
 */
export const withPauses = async <T>(
  steps: Steps<T>,
  pause: () => Promise<void>,
  products: Products = plainly,
): Promise<T> => {
  let step = steps.next();
  while (step.done !== true) {
    const answer = step.value === undefined ? undefined : await products(step.value);
    await pause();
    step = steps.next(answer);
  }
  return step.value;
};

const plainly: Products = (request) => Promise.resolve(multiply(request));

/**
 * Multiplications from which requesting a product is faster than plain loops: a call of onnxruntime takes about 10
 * microseconds, in which plain loops do about 20 thousand (24 x 24 x 24).
 */
export const LEAST_ASKED = 2 ** 14;

/** a b, requested from the caller where it is large. */
export function* productOf(request: Product): Steps<Float64Array> {
  if (request.rows * request.inner * request.columns < LEAST_ASKED) return multiply(request);
  return present(yield request, 'a requested product was not returned');
}
