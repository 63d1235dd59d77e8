/** Name of the migrated database that every test's database is a copy of. */
export const TEMPLATE = 'herald_template';
