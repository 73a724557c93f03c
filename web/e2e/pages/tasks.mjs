// The four steps to a task.
export class TaskWizard {
  constructor(page, url) {
    this.page = page;
    this.url = url;
  }

  async what({ title, form, days }) {
    await this.page.goto(`${this.url}/tasks/new`);
    await this.page.fill("[name=title]", title);
    const options = this.page.locator("[name=form] option", { hasText: form });
    await this.page.selectOption("[name=form]", await options.last().getAttribute("value"));
    if (days) await this.page.fill("[name=working_days]", String(days));
    await this.next();
    await this.page.waitForURL(/\/subjects$/);
    this.id = this.page.url().match(/\/tasks\/([0-9a-f-]{36})/)[1];
  }

  async upload(name, buffer) {
    await this.page.setInputFiles("[name=file]", { name, mimeType: "application/octet-stream", buffer });
    await this.page.click("form[action$='/subjects/upload'] button");
    await this.page.waitForLoadState();
  }

  async next() {
    await this.page.locator("main .btn.filled").last().click();
    await this.page.waitForLoadState();
  }

  /** The dry run's table: place to its count. */
  async counts() {
    const rows = await this.page.$$eval(".shares .share-name", (list) =>
      list.map((name) => [name.textContent.trim(), name.nextElementSibling.lastChild.textContent.trim()]));
    return Object.fromEntries(rows);
  }

  async dispatch() {
    await this.page.click("form[action$='/dispatch'] button");
    await this.page.waitForURL(new RegExp(`/tasks/${this.id}$`));
  }
}
