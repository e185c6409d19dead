import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alignExpert, permuteExpert, alignmentCost } from '../../../../main/pruning/merging/align-experts.ts';
import { seededRandom } from '../../../../main/statistics/random.ts';
import { expertOutput, randomExperts } from '../random-experts.ts';

const shapes = fc.record({ hidden: fc.integer({ min: 1, max: 70 }), width: fc.integer({ min: 1, max: 9 }) });
const shuffled = (width: number, seed: number) =>
  Int32Array.from(seededRandom(seed).shuffle(Array.from({ length: width }, (_, i) => i)));

describe('alignmentCost', () => {
  it('is the squared distance of gate rows, up rows and down columns', () => {
    fc.assert(
      fc.property(shapes, fc.nat(), (shape, seed) => {
        const { hidden, width } = shape;
        const [a, b] = randomExperts(shape, 2, seed);
        const cost = alignmentCost(a!, b!, shape);
        for (let i = 0; i < width; i++) {
          for (let j = 0; j < width; j++) {
            let squared = 0;
            for (let h = 0; h < hidden; h++) {
              squared += (a!.gate[i * hidden + h]! - b!.gate[j * hidden + h]!) ** 2;
              squared += (a!.up[i * hidden + h]! - b!.up[j * hidden + h]!) ** 2;
              squared += (a!.down[h * width + i]! - b!.down[h * width + j]!) ** 2;
            }
            expect(cost[i * width + j]).toBeCloseTo(squared, 10);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('alignExpert', () => {
  it('undoes a permutation of neurons', () => {
    fc.assert(
      fc.property(shapes, fc.nat(), (shape, seed) => {
        const [reference] = randomExperts(shape, 1, seed);
        const member = permuteExpert(reference!, shape, shuffled(shape.width, seed));
        expect(permuteExpert(member, shape, alignExpert(member, reference!, shape))).toEqual(reference);
      }),
      { numRuns: 60 },
    );
  });
});

describe('permuteExpert', () => {
  it('does not change the function', () => {
    const shape = { hidden: 6, width: 9 };
    const [expert] = randomExperts(shape, 1, 5);
    const permuted = permuteExpert(expert!, shape, shuffled(9, 1));
    const x = [0.3, -1, 0.5, 2, -0.2, 0.1];
    expect(permuted.gate).not.toEqual(expert!.gate);
    expertOutput(permuted, shape, x).forEach((value, h) => {
      expect(value).toBeCloseTo(expertOutput(expert!, shape, x)[h]!, 12);
    });
  });
});
