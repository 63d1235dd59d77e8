import { chromium, type Page } from 'playwright-core';

/** Takes pictures of web pages. */
export interface Camera {
  /** @param ready Text that is there when the page has loaded; what is in `click` is clicked before, and waited for after. */
  take(url: string, file: string, options: { ready: string; click?: string }): Promise<void>;
  close(): Promise<void>;
}

const VIEW = { width: 1280, height: 860 };
/** As a person chooses them with the gear below the list. */
const LIST_COLUMNS = JSON.stringify({ default: ['Status', 'HeraldStatus', 'HeraldAgent', 'Workflow ID', 'Start'].map((label) => ({ label })) });
const LOADED_WITHIN_MS = 30_000;
/** Pictures and fonts come after the text. */
const SETTLE_MS = 1500;

/** @param executablePath Of a Chromium. */
export async function openCamera(executablePath: string): Promise<Camera> {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  const page: Page = await browser.newPage({ viewport: VIEW, colorScheme: 'light' });
  await page.addInitScript((columns) => localStorage.setItem('namespace-workflow-table-columns', columns), LIST_COLUMNS);
  return {
    async take(url, file, { ready, click }) {
      await page.goto(url);
      if (click !== undefined) await page.getByRole('link', { name: click }).first().click({ timeout: LOADED_WITHIN_MS });
      const text = page.getByText(ready).first();
      await text.waitFor({ timeout: LOADED_WITHIN_MS });
      await text.scrollIntoViewIfNeeded();
      await page.waitForTimeout(SETTLE_MS);
      await page.screenshot({ path: file });
    },
    close: () => browser.close(),
  };
}
