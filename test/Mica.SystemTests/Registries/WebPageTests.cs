using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace Mica.SystemTests.Registries;

/// <summary>The registry's page as people meet it: in a browser.</summary>
public sealed class WebPageTests(WebRegistry registry) : IClassFixture<WebRegistry>
{
    private static readonly (string Name, string Address, int Status)[] s_pages =
    [
        ("repositories", "/", 200),
        ("tags", "/r/team/worker", 200),
        ("index-tags", "/r/team/api", 200),
        ("index", "/r/team/api:latest", 200),
        ("image", "/r/team/worker:3.1.4", 200),
        ("built-image", "/r/tools/motd:1.0", 200),
        ("hostile", "/r/hostile/image:t", 200),
        ("search", "/search?q=team", 200),
        ("not-found", "/nope", 404),
    ];

    [Theory]
    [InlineData(ColorScheme.Light, 1440, true)]
    [InlineData(ColorScheme.Dark, 1440, true)]
    [InlineData(ColorScheme.Light, 360, true)]
    [InlineData(ColorScheme.Dark, 360, true)]
    [InlineData(ColorScheme.Light, 1440, false)]
    [InlineData(ColorScheme.Dark, 360, false)]
    public async Task Page_HoweverLookedAt_IsWholeAndFits(ColorScheme scheme, int width, bool withScripts)
    {
        await using IBrowserContext context = await NewContextAsync(scheme, width, withScripts);
        foreach ((string name, string address, int status) in s_pages)
        {
            IPage page = await context.NewPageAsync();
            var troubles = new List<string>();
            page.Console += (_, message) => troubles.Add($"console: {message.Text}");
            page.PageError += (_, error) => troubles.Add($"script: {error}");
            page.RequestFailed += (_, request) => troubles.Add($"failed: {request.Url}");
            page.Request += (_, request) => troubles.AddRange(new Uri(request.Url).Authority == registry.Address.Authority ? [] : [$"elsewhere: {request.Url}"]);

            IResponse? answer = await page.GotoAsync(address);

            Assert.Equal(status, answer!.Status);
            string file = $"{name}-{scheme.ToString().ToLowerInvariant()}-{width}{(withScripts ? "" : "-plain")}.png";
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(registry.Screenshots, file), FullPage = true });
            Assert.Equal(1, await page.Locator("h1").CountAsync());
            Widths box = await SizeAsync(page);
            Assert.True(box.Content <= box.Window, $"{address} is {box.Content} wide in a window of {box.Window}");
            Assert.Equal(scheme == ColorScheme.Dark, await IsDarkAsync(page));
            Assert.Equal(0, await page.Locator(withScripts ? "button.copy[hidden]" : "button.copy:visible").CountAsync());

            // Chromium says of every answer that is no success that it is an error.
            Assert.Equal([], troubles.Where(trouble => status == 200 || !trouble.Contains("status of 404", StringComparison.Ordinal)).ToArray());
            await page.CloseAsync();
        }
    }

    [Theory]
    [InlineData(ColorScheme.Light, 1440)]
    [InlineData(ColorScheme.Dark, 1440)]
    [InlineData(ColorScheme.Light, 360)]
    public async Task Page_Any_CanBeReadByEverybody(ColorScheme scheme, int width)
    {
        await using IBrowserContext context = await NewContextAsync(scheme, width);
        IPage page = await context.NewPageAsync();
        foreach ((_, string address, _) in s_pages)
        {
            await page.GotoAsync(address);

            AxeResult result = await page.RunAxe();

            Assert.True(
                result.Violations.Length == 0,
                $"{address}: " + string.Join("; ", result.Violations.Select(violation => $"{violation.Id}: {string.Join(", ", violation.Nodes.Select(node => node.Html).Take(3))}")));
        }
    }

    [Fact]
    public async Task CopyButton_Pressed_CopiesWhatStandsBesideIt()
    {
        await using IBrowserContext context = await NewContextAsync();
        await context.GrantPermissionsAsync(["clipboard-read", "clipboard-write"]);
        IPage page = await context.NewPageAsync();
        await page.GotoAsync("/r/tools/motd:1.0");

        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Copy the command for docker" }).First.ClickAsync();

        await Assertions.Expect(page.Locator("#said")).ToHaveTextAsync("Copied");
        Assert.Equal(
            $"docker pull {registry.Address.Authority}/tools/motd:1.0", await page.EvaluateAsync<string>("navigator.clipboard.readText()"));
    }

    [Fact]
    public async Task CopyButton_BrowserWithoutAClipboardForScripts_StillCopies()
    {
        await using IBrowserContext context = await NewContextAsync();
        IPage page = await context.NewPageAsync();
        await page.AddInitScriptAsync("Object.defineProperty(navigator, 'clipboard', { value: undefined })");
        await page.GotoAsync("/r/tools/motd:1.0");

        await page.Locator(".command button.copy").First.ClickAsync();

        await Assertions.Expect(page.Locator("#said")).ToHaveTextAsync("Copied");
        await page.Locator("#search").FocusAsync();
        await page.Keyboard.PressAsync("Control+v");
        Assert.Equal($"mica pull {registry.Address.Authority}/tools/motd:1.0", await page.Locator("#search").InputValueAsync());
    }

    [Fact]
    public async Task Filter_Typed_NarrowsAllPagesOfTheList()
    {
        await using IBrowserContext context = await NewContextAsync();
        IPage page = await context.NewPageAsync();
        await page.GotoAsync("/r/team/worker");
        Assert.Equal(50, await page.Locator("#list tbody tr").CountAsync());

        await page.Keyboard.PressAsync("/");
        await page.Keyboard.TypeAsync("build-0007");

        await Assertions.Expect(page.Locator("#list tbody tr")).ToHaveCountAsync(1);
        await Assertions.Expect(page.Locator("#list tbody th")).ToHaveTextAsync("build-0007");
        await Assertions.Expect(page.Locator("#list button.copy")).ToBeVisibleAsync();
        Assert.EndsWith("?q=build-0007", page.Url, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Search_Entered_LeadsToTheImage(bool withScripts)
    {
        await using IBrowserContext context = await NewContextAsync(withScripts: withScripts);
        IPage page = await context.NewPageAsync();
        await page.GotoAsync("/");

        await page.GetByRole(AriaRole.Searchbox, new PageGetByRoleOptions { Name = "Search repositories" }).FillAsync("stable");
        await page.Keyboard.PressAsync("Enter");
        await page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = "tools/motd:stable" }).ClickAsync();

        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new PageGetByRoleOptions { Level = 1 })).ToHaveTextAsync("tools/motd:stable");
        await Assertions.Expect(page.Locator("main")).ToContainTextAsync("COPY motd /etc/motd");
    }

    [Fact]
    public async Task Keyboard_Tab_GoesToTheContentFirst()
    {
        await using IBrowserContext context = await NewContextAsync();
        IPage page = await context.NewPageAsync();
        await page.GotoAsync("/");

        await page.Keyboard.PressAsync("Tab");

        await Assertions.Expect(page.Locator(".skip")).ToBeFocusedAsync();
        await Assertions.Expect(page.Locator(".skip")).ToBeInViewportAsync();
        Assert.NotEqual("none", await page.EvaluateAsync<string>("getComputedStyle(document.activeElement).outlineStyle"));
    }

    private Task<IBrowserContext> NewContextAsync(ColorScheme scheme = ColorScheme.Light, int width = 1440, bool withScripts = true) =>
        registry.Browser.NewContextAsync(new BrowserNewContextOptions
        {
            BaseURL = registry.Address.ToString(),
            ColorScheme = scheme,
            JavaScriptEnabled = withScripts,
            ViewportSize = new ViewportSize { Width = width, Height = 900 },
        });

    private static async Task<bool> IsDarkAsync(IPage page)
    {
        string color = await page.EvaluateAsync<string>("getComputedStyle(document.body).backgroundColor");
        return color.Split('(', ',', ')')[1..4].Sum(part => int.Parse(part, System.Globalization.CultureInfo.InvariantCulture)) < 3 * 128;
    }

    private static async Task<Widths> SizeAsync(IPage page) => new(
        await page.EvaluateAsync<int>("document.documentElement.scrollWidth"), await page.EvaluateAsync<int>("window.innerWidth"));

    private sealed record Widths(int Content, int Window);
}
