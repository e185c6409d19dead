/** What the points of the unpruned model are called among the methods of a sweep. */
export const UNPRUNED = 'unpruned';

/** Whether two factors are one: they are quotients of small whole numbers, so that equal ones differ by rounding only. */
export const isSameFactor = (one: number, other: number): boolean => Math.abs(one - other) < 1e-9;
