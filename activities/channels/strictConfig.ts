import { z } from 'zod';

/** An object that knows its fields: a misspelt one is named, beside those there are. */
export function strictConfig<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const known = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return 'must be an object';
      return `has no field ${issue.keys.map((key) => `"${key}"`).join(', ')}; its fields are ${known}`;
    },
  });
}
