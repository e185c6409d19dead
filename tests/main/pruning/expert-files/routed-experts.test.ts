import { describe, expect, it } from 'vitest';
import { readExpertFile } from '../../../../main/pruning/expert-files/read-expert-file.ts';
import { addNumpyArray, rankingOfCounts, RoutedCounts } from '../../../../main/pruning/expert-files/routed-experts.ts';

const target = { moeLayers: 2, experts: 4, topK: 2 };
/** [tokens, layers, top-k] */
const first = [
  [
    [0, 3],
    [1, 2],
  ],
  [
    [3, 1],
    [2, 1],
  ],
];
const second = [
  [
    [3, 2],
    [2, 0],
  ],
];
const ranking = [
  [3, 0, 1, 2],
  [2, 1, 0, 3],
];
const linesOf = (...requests: readonly unknown[]): string => requests.map((one) => JSON.stringify(one)).join('\n');
const read = (text: string) => readExpertFile(text, 'dump.jsonl', target);
const base64 = (request: readonly (readonly (readonly number[])[])[]): string =>
  Buffer.from(Int32Array.from(request.flat(2)).buffer).toString('base64');

/** As numpy.save writes it. */
const numpyFile = (type: string, shape: readonly number[], data: Uint8Array): Buffer => {
  const dictionary = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`;
  const header = Buffer.from(`${dictionary.padEnd(117)}\n`, 'latin1');
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  return Buffer.concat([Buffer.from('\u0093NUMPY\u0001\u0000', 'latin1'), length, header, data]);
};
const counted = (bytes: Buffer, given = target): readonly (readonly number[])[] => {
  const counts = new RoutedCounts(given, 'dump.npy');
  addNumpyArray(counts, bytes, given.topK, 'dump.npy');
  return rankingOfCounts(counts.counts());
};

describe('routed experts of requests', () => {
  it('rank experts by how often they were chosen, as lists and as SGLang encodes them', () => {
    const wanted = { kind: 'ranking', ranking };
    expect(read(linesOf({ routed_experts: first }, { routed_experts: second }))).toEqual(wanted);
    expect(
      read(`${linesOf({ id: 1, routed_experts: first }, { meta_info: { routed_experts: base64(second) } })}\n`),
    ).toEqual(wanted);
  });

  it('leave out the dense layers of vLLM, which it fills with zeros', () => {
    const dense = [...first, ...second].map((layers) => [[0, 0], ...layers]);
    expect(read(linesOf({ routed_experts: dense }))).toEqual({ kind: 'ranking', ranking });
    const array = numpyFile('|u1', [3, 3, 2], Uint8Array.from(dense.flat(2)));
    expect(counted(array)).toEqual(ranking);
  });

  it.each([
    ['<u2', (values: readonly number[]) => Uint16Array.from(values)],
    ['<i4', (values: readonly number[]) => Int32Array.from(values)],
    ['<i8', (values: readonly number[]) => BigInt64Array.from(values.map(BigInt))],
  ] as const)('are read from arrays of %s', (type, make) => {
    const values = [...first, ...second].flat(2);
    expect(counted(numpyFile(type, [3, 2, 2], new Uint8Array(make(values).buffer)))).toEqual(ranking);
  });

  it('are refused by what is wrong with them', () => {
    for (const [text, message] of [
      [
        linesOf({
          routed_experts: [
            [
              [0, 4],
              [1, 2],
            ],
          ],
        }),
        'line 1 names expert 4 of 4',
      ],
      [linesOf({ routed_experts: [[[0, 1]]] }), 'line 1 holds 2 numbers, not tokens of 1 x 2'],
      ['{"routed_experts":[[[0,1],[1]],[[2,3,0],[1,0]]]}', 'line 1 has a token that is not 2 x 2'],
      [
        linesOf(
          { routed_experts: first },
          {
            routed_experts: [
              [
                [0, 1, 2],
                [1, 2, 3],
              ],
            ],
          },
        ),
        'line 2 holds 6 numbers',
      ],
      [linesOf({ routed_experts: first }, { kept: [[0], [1]] }), 'line 2 holds no routed experts'],
      [`${linesOf({ routed_experts: first })}\n{`, 'line 2 is not JSON'],
      [
        linesOf({
          routed_experts: [
            [
              [0, 1],
              [1, 2],
              [2, 3],
            ],
          ],
        }),
        'it has 3 layers, 3 of them with experts',
      ],
    ] as const)
      expect(() => read(text)).toThrow(message);
    const data = Uint8Array.from(first.flat(2));
    for (const [bytes, message] of [
      [numpyFile('<f4', [2, 2, 2], data), 'its numbers are <f4'],
      [numpyFile('|u1', [2, 2, 2], data.subarray(1)), 'its length is not that of its shape'],
      [numpyFile('|u1', [2, 4], data), 'its shape is (2, 4)'],
      [Buffer.from('\u0093NUMPY', 'latin1'), 'the file is cut off'],
      [Buffer.from('[[0, 1], [1, 0]]'), 'it is no file of numpy.save'],
    ] as const)
      expect(() => counted(bytes)).toThrow(message);
  });
});
