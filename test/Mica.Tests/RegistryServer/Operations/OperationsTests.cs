using System.Net;
using System.Text;
using Mica.Oci;
using Mica.RegistryServer;

namespace Mica.Tests.RegistryServer.Operations;

public sealed class OperationsTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Probes_OfARunningRegistry_AreFine()
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync();

        Assert.Equal((200, "ok\n"), await registry.GetAsync("/healthz"));
        Assert.Equal((200, "ready\n"), await registry.GetAsync("/readyz"));
        Assert.Equal(405, await registry.SendAsync("POST", "/readyz"));
    }

    [Fact]
    public async Task Metrics_AfterARequest_CountIt()
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync();
        await registry.GetAsync("/v2/");

        (int status, string text) = await registry.GetAsync("/metrics");

        Assert.Equal(200, status);
        Assert.Contains("mica_registry_requests_total{endpoint=\"base\",method=\"GET\",status=\"2xx\"} 1\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_SwitchedOff_AreNotThere()
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync(options => options with { Metrics = false });

        Assert.Equal(404, (await registry.GetAsync("/metrics")).Status);
    }

    [Fact]
    public async Task OperationsListen_Given_HasMetricsAloneAndNothingElse()
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync(
            options => options with { OperationsListen = new IPEndPoint(IPAddress.Loopback, 0) });
        Uri other = registry.Server.OperationsAddress!;

        Assert.Equal(404, (await registry.GetAsync("/metrics")).Status);
        Assert.Equal(200, (await registry.GetAsync("/readyz")).Status);
        Assert.Equal(200, (await registry.GetAsync($"{other}metrics")).Status);
        Assert.Equal(200, (await registry.GetAsync($"{other}healthz")).Status);
        Assert.Equal(404, (await registry.GetAsync($"{other}v2/")).Status);
    }

    [Fact]
    public async Task Readiness_StorageGone_SaysSoUntilItIsBack()
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync();
        string blobs = Path.Combine(registry.Directory, "blobs");
        Directory.Move(blobs, blobs + ".away");

        (int Status, string Text) without = await registry.GetAsync("/readyz");
        Directory.Move(blobs + ".away", blobs);

        Assert.Equal((503, "storage fails\n"), without);
        Assert.Equal(200, (await registry.GetAsync("/healthz")).Status);
        Assert.Equal(200, (await registry.GetAsync("/readyz")).Status);
    }

    [Fact]
    public async Task Shutdown_WithADelay_ServesWhileItIsNotReady()
    {
        var time = new FakeTimeProvider();
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync(
            options => options with { Time = time, ShutdownDelay = TimeSpan.FromSeconds(20) });

        Task ending = registry.Server.DisposeAsync().AsTask();

        Assert.Equal((503, "shutting down\n"), await registry.GetAsync("/readyz"));
        Assert.Equal(200, (await registry.GetAsync("/v2/")).Status);
        Assert.False(ending.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(21));
        await ending.WaitAsync(TimeSpan.FromSeconds(30), Cancelled);
        await Assert.ThrowsAsync<HttpRequestException>(() => registry.GetAsync("/v2/"));
    }

    [Fact]
    public async Task Shutdown_DuringAnUpload_FinishesIt()
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync();
        byte[] blob = Encoding.UTF8.GetBytes("half and half");
        var middle = new TaskCompletionSource();
        var sent = new TaskCompletionSource();
        Task<int> upload = registry.SendAsync("POST", $"/v2/a/blobs/uploads/?digest={Digest.Of(blob)}", new HaltingContent(blob, sent, middle.Task));
        await sent.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancelled);
        await WaitForUploadAsync(registry);

        Task ending = registry.Server.DisposeAsync().AsTask();
        await Task.Delay(100, Cancelled);
        Assert.False(ending.IsCompleted);
        middle.SetResult();

        Assert.Equal(201, await upload.WaitAsync(TimeSpan.FromSeconds(30), Cancelled));
        await ending.WaitAsync(TimeSpan.FromSeconds(30), Cancelled);
    }

    [Fact]
    public async Task Shutdown_UploadThatDoesNotEnd_IsCutAtTheTimeout()
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync(
            options => options with { ShutdownTimeout = TimeSpan.FromMilliseconds(200) });
        var sent = new TaskCompletionSource();
        var never = new TaskCompletionSource();
        Task<int> upload = registry.SendAsync(
            "POST", $"/v2/a/blobs/uploads/?digest={Digest.Of("xy"u8)}", new HaltingContent("xy"u8.ToArray(), sent, never.Task));
        await sent.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancelled);
        await WaitForUploadAsync(registry);

        await registry.Server.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20), Cancelled);

        never.SetResult();
        await Assert.ThrowsAnyAsync<Exception>(() => upload);
    }

    [Fact]
    public async Task AccessLog_OfChanges_HasAPushWithoutItsQueryAndNoPull()
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync();
        Digest digest = await registry.PushBlobAsync("app", "content"u8.ToArray());
        await registry.GetAsync($"/v2/app/blobs/{digest}");
        await registry.GetAsync("/v2/App/tags/list?secret=1");

        string[] lines = await LinesAsync(registry, 2);

        Assert.Contains("POST /v2/app/blobs/uploads/ 201: 7 bytes in, 0 out, ", lines[0], StringComparison.Ordinal);
        Assert.Contains("anonymous at 127.0.0.1", lines[0], StringComparison.Ordinal);
        Assert.Contains("GET /v2/App/tags/list 400: ", lines[1], StringComparison.Ordinal);
        Assert.DoesNotContain(registry.Log, line => line.Contains("secret", StringComparison.Ordinal) || line.Contains("digest=", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(AccessLogging.All, 1)]
    [InlineData(AccessLogging.None, 0)]
    public async Task AccessLog_OfAllOrNone_HasAsMany(AccessLogging logging, int expected)
    {
        await using OperatedRegistry registry = await OperatedRegistry.StartAsync(options => options with { AccessLog = logging });
        await registry.GetAsync("/v2/");
        await registry.GetAsync("/healthz");

        Assert.Equal(expected, (await LinesAsync(registry, expected)).Length);
    }

    [Fact]
    public async Task Traces_RequestWithATraceparent_GoesOnWithItsTrace()
    {
        await using PostReceiver collector = await PostReceiver.StartAsync();
        OperatedRegistry registry = await OperatedRegistry.StartAsync(options => options with { TracesEndpoint = collector.Address });
        await using (registry)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/v2/team/app/tags/list?token=hidden");
            request.Headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
            using HttpResponseMessage response = await registry.Client.SendAsync(request, Cancelled);
            Assert.Equal(404, (int)response.StatusCode);
        }

        // What was recorded is sent at the end.
        Received post = (await collector.WaitAsync(1))[0];

        Assert.Equal("/v1/traces", post.Path);
        Assert.Equal("application/x-protobuf", post.Headers.ContentType);
        Assert.Contains("0AF7651916CD43DD8448EB211C80319C", Convert.ToHexString(post.Body), StringComparison.Ordinal);
        Assert.Contains("B7AD6B7169203331", Convert.ToHexString(post.Body), StringComparison.Ordinal);
        Assert.Contains("GET /v2/{name}/tags/list", post.Text, StringComparison.Ordinal);
        Assert.Contains("mica.registry.repository", post.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", post.Text, StringComparison.Ordinal);
    }

    /// <summary>The lines of the access log; they are written behind the answer.</summary>
    private static async Task<string[]> LinesAsync(OperatedRegistry registry, int count)
    {
        string[] lines = [];
        for (int tries = 0; tries < 100; tries++)
        {
            lines = [.. registry.Log.Where(line => line.Contains(" bytes in, ", StringComparison.Ordinal))];
            if (lines.Length >= count && count > 0)
            {
                break;
            }

            await Task.Delay(count == 0 ? 2 : 25, Cancelled);
        }

        return lines;
    }

    private static async Task WaitForUploadAsync(OperatedRegistry registry)
    {
        for (int tries = 0; tries < 400; tries++)
        {
            if ((await registry.GetAsync("/metrics")).Text.Contains("mica_registry_requests_active 1", StringComparison.Ordinal))
            {
                return;
            }

            await Task.Delay(25, Cancelled);
        }

        Assert.Fail("the upload did not begin");
    }

    /// <summary>A body that waits in its middle.</summary>
    private sealed class HaltingContent(byte[] bytes, TaskCompletionSource sent, Task middle) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(bytes.AsMemory(0, bytes.Length / 2));
            await stream.FlushAsync();
            sent.TrySetResult();
            await middle;
            await stream.WriteAsync(bytes.AsMemory(bytes.Length / 2));
        }

        protected override bool TryComputeLength(out long length)
        {
            length = bytes.Length;
            return true;
        }
    }
}
