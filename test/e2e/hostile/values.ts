import fc from 'fast-check';

/** Texts that have broken programs before. */
const texts = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  'a\udfffb',
  '\u202eright to left',
  '\ufeffmark',
  '\ufffe\uffff',
  '😀'.repeat(70),
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '../../etc/passwd',
  '%00',
  '%ff',
  '%',
  "' or 1=1 --",
  '"; drop table events; --',
  '${7*7}{{7*7}}',
  '<script>alert(1)</script>',
  '\r\nSet-Cookie: a=b',
  'NaN',
  'Infinity',
  'null',
  'undefined',
  '-1',
  '1e400',
  '9'.repeat(400),
  '0x10',
  'x'.repeat(255),
  'x'.repeat(256),
  'x'.repeat(20_000),
  '9999-12-31T23:59:59Z',
  '+275760-09-13T00:00:00.001Z',
  '-271821-04-19T23:59:59Z',
  '0000-00-00T00:00:00Z',
  '2024-02-30T25:61:61+99:99',
  'http://169.254.169.254/',
  'file:///etc/passwd',
  'http://[::1]:0/',
  'https://user:pass@example.com:99999/',
];

/** Numbers that have. */
const numbers = [0, -0, -1, 0.1, 1e21, 1e308, -1e308, 5e-324, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 2 ** 63, 1e15 + 0.3];

export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...texts) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map((units) => String.fromCharCode(...units)) },
);

/** JSON of any shape, with keys that objects have by themselves. */
export const hostileJson: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: hostileText },
  { weight: 3, arbitrary: fc.constantFrom<number>(...numbers) },
  { weight: 2, arbitrary: fc.constantFrom<unknown>(null, true, false, [], {}) },
  { weight: 2, arbitrary: fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 4 }) },
  { weight: 2, arbitrary: fc.dictionary(fc.oneof(hostileText, fc.constant('toJSON')), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom(50, 99, 101, 400).map(nested) },
  { weight: 1, arbitrary: fc.constant(prototypeKeys()) },
);

function nested(levels: number): unknown {
  let value: unknown = 'deep';
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

/** As JSON.parse makes them: own properties, which an assignment would not make. */
function prototypeKeys(): unknown {
  return JSON.parse('{"__proto__":{"polluted":true,"isAdmin":true},"constructor":{"prototype":{"polluted":true}},"toString":1,"valueOf":null}');
}
