import { multiply, type Product, type Products } from './product.ts';

/**
 * Long arithmetic that stops after each part of it, so that whoever runs it can see whether it is still wanted. A part
 * that is a large product is asked for instead of computed: whoever runs the steps answers it.
 */
export type Steps<T> = Generator<Product | undefined, T, Float64Array | undefined>;

/** The result, without a stop, and with products in plain loops. */
export const atOnce = <T>(steps: Steps<T>): T => {
  let step = steps.next();
  while (step.done !== true) step = steps.next(step.value === undefined ? undefined : multiply(step.value));
  return step.value;
};

/**
 * The result, with `pause` after each part, and with products by `products` (in plain loops unless given); what either
 * rejects with ends the work.
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
 * Multiplications from which asking for a product is quicker than plain loops: a call of onnxruntime takes about 10
 * microseconds, in which plain loops do some 20 thousand (24 x 24 x 24).
 */
export const LEAST_ASKED = 2 ** 14;

/** a b, by whoever runs the steps where it is large. */
export function* productOf(request: Product): Steps<Float64Array> {
  if (request.rows * request.inner * request.columns < LEAST_ASKED) return multiply(request);
  const answer = yield request;
  if (answer === undefined) throw new Error('a product was asked for and not answered');
  return answer;
}
