import { describe, expect, it } from 'vitest';
import { metadataOf } from '../../../model/metadata.ts';
import type { JsonObject } from '../../../model/types.ts';

describe("a session's metadata", () => {
  it.each([
    ['environment:production', 'environment', 'production'],
    ['environment=production', 'environment', 'production'],
    ['environment: production', 'environment', 'production'],
    ['url:http://host?a=b', 'url', 'http://host?a=b'],
    ['query=a:b', 'query', 'a:b'],
    ['empty:', 'empty', ''],
  ])('is learned from the tag %s', (tag, key, value) => {
    expect(metadataOf([tag], undefined)).toEqual({ [key]: value });
  });

  it.each(['production', '', ':value', ' =value'])('is not learned from the tag %j', (tag) => {
    expect(metadataOf([tag], undefined)).toEqual({});
  });

  it('wins over tags, and later tags over earlier ones', () => {
    expect(metadataOf(['a:1', 'a:2', 'b:1'], { b: 'given' })).toEqual({ a: '2', b: 'given' });
  });

  it('is text', () => {
    expect(metadataOf([], { n: 1, yes: true, list: ['a', 1], object: { a: 1 }, none: null })).toEqual({
      n: '1',
      yes: 'true',
      list: '["a",1]',
      object: '{"a":1}',
    });
  });

  it('may carry names that JavaScript uses itself', () => {
    const pairs = metadataOf(['__proto__:tag'], { constructor: 'x' } satisfies JsonObject);
    expect(Object.entries(pairs)).toEqual([
      ['__proto__', 'tag'],
      ['constructor', 'x'],
    ]);
  });
});
