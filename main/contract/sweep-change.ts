import { z } from 'zod';
import { boundedList, boundedText } from './bounds.ts';
import { candidatePoint, curtailedPoint } from './curtailed-point.ts';
import { calibrationDraw, elsewherePoint, sweepDocument, sweepOrder, sweepResult } from './sweep.ts';
import { sweepFact } from './sweep-fact.ts';

/** Validates a value and passes it on with its own order of keys, so that files written from it stay the same. */
const asItCame = <T extends z.ZodType>(schema: T): z.ZodType<z.output<T>> =>
  z.custom<z.output<T>>((value) => schema.safeParse(value).success);

/** A change of a running sweep: whoever applies every change (evaluation/sweeps/running-sweep.ts) has the same sweep. */
export const sweepChange = z.discriminatedUnion('what', [
  z.object({
    what: z.literal('begun'),
    /** As in the document. */
    level: sweepDocument.shape.level,
    order: sweepOrder,
    delta: z.number(),
    facts: boundedList(sweepFact),
  }),
  /** A measured point, with its step already on disk. */
  z.object({ what: z.literal('point'), result: asItCame(sweepResult), step: boundedText }),
  z.object({ what: z.literal('curtailed'), point: asItCame(curtailedPoint) }),
  z.object({ what: z.literal('elsewhere'), point: asItCame(elsewherePoint) }),
  z.object({ what: z.literal('calibration-draw'), point: asItCame(calibrationDraw) }),
  z.object({ what: z.literal('unneeded'), points: boundedList(asItCame(candidatePoint)) }),
  z.object({ what: z.literal('fact'), fact: asItCame(sweepFact) }),
]);
export type SweepChange = z.infer<typeof sweepChange>;
