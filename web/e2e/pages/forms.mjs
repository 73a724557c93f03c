// The plain builder: a form's list, draft and publishing.
export class Builder {
  constructor(page, url) {
    this.page = page;
    this.url = url;
  }

  async begin(title) {
    await this.page.goto(`${this.url}/forms`);
    await this.page.fill("[name=title]", title);
    await this.page.click("main form[action='/forms'][method=post] button");
    await this.page.waitForURL(/\/forms\/[0-9a-f-]{36}/);
  }

  /** A field from the knowledge model. */
  async attribute(key, change = {}) {
    await this.page.selectOption("[name=attribute]", key);
    await this.page.click("[name=by][value=attribute]");
    await this.page.waitForLoadState();
    await this.change(change);
  }

  /** A field of that control that belongs to this form only. */
  async control(key, change) {
    await this.page.selectOption("[name=control]", key);
    await this.page.click("[name=by][value=control]");
    await this.page.waitForLoadState();
    await this.change(change);
  }

  /** Changes the field that stands open: the one just added. */
  async change({ label, required, today, choices, when, is }) {
    if (label === undefined && required === undefined && !choices && !when) return;
    const open = this.page.locator(".todos .todo", { has: this.page.locator("details[open]") }).last();
    if (label) await open.locator("[name^='label-']").fill(label);
    if (required) await open.locator("[name^='required-']").check({ force: true });
    if (today) await open.locator("[name^='today-']").check({ force: true });
    if (choices) await open.locator("[name^='choices-']").fill(choices.join("\n"));
    if (when) {
      const option = open.locator("[name^='when_field-'] option", { hasText: when });
      await open.locator("[name^='when_field-']").selectOption(await option.getAttribute("value"));
      await open.locator("[name^='when_value-']").fill(is);
    }
    await open.locator("button[value=save]").click();
    await this.page.waitForLoadState();
  }

  async publish() {
    await this.page.click(".head-acts a");
    await this.page.waitForURL(/\/publish$/);
  }

  async confirm() {
    await this.page.click("form[action$='/publish'] button");
    await this.page.waitForURL(/\/forms\/[0-9a-f-]{36}$/);
  }
}
