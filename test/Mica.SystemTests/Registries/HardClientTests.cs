using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mica.SystemTests.Registries;

/// <summary>Clients that vanish, dawdle and lie, a full disk, and the end of the registry in the middle of an upload.</summary>
public sealed class HardClientTests(Workbench bench)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Upload_WhoseClientVanishes_LeavesNothingAndMayBeRepeated(bool isReset)
    {
        await using ServedRegistry registry = await ServedRegistry.StartAsync(bench, "vanish");
        string place = await BeginAsync(registry);
        byte[] blob = Bytes(3 << 20);
        using (TcpClient client = await SendAsync(registry, Head("PATCH", place, blob.Length), blob.AsMemory(0, 2 << 20)))
        {
            await WaitAsync(() => registry.StoredBytes > 1 << 20);
            client.LingerState = new LingerOption(isReset, 0);
        }

        await WaitAsync(() => registry.StoredBytes == 0);
        using HttpResponseMessage status = await registry.Client.GetAsync(new Uri(place, UriKind.Relative), Cancelled);
        Assert.Equal("0-0", status.Headers.GetValues("Range").Single());
        using HttpResponseMessage put = await registry.Client.PutAsync(
            new Uri($"{place}?digest={ServedRegistry.DigestOf(blob)}", UriKind.Relative), new ByteArrayContent(blob), Cancelled);
        Assert.Equal(HttpStatusCode.Created, put.StatusCode);
        Assert.Equal(blob, await registry.BytesAsync($"/v2/hard/app/blobs/{ServedRegistry.DigestOf(blob)}"));
    }

    [Fact]
    public async Task Upload_SmallerThanDeclared_IsNoBlob()
    {
        await using ServedRegistry registry = await ServedRegistry.StartAsync(bench, "smaller");
        byte[] blob = Bytes(5000);
        string digest = ServedRegistry.DigestOf(blob);
        using TcpClient client = await SendAsync(registry, Head("POST", $"/v2/hard/app/blobs/uploads/?digest={digest}", 6000), blob);
        client.Client.Shutdown(SocketShutdown.Send);

        string answer = await ReadAsync(client, Cancelled);

        Assert.DoesNotContain(" 201 ", answer, StringComparison.Ordinal);
        Assert.Null(await registry.BytesAsync($"/v2/hard/app/blobs/{digest}"));
        await WaitAsync(() => registry.StoredBytes == 0);
    }

    [Fact]
    public async Task Upload_LargerThanDeclared_IsTheDeclaredBytesAndTheRestIsNoRequest()
    {
        await using ServedRegistry registry = await ServedRegistry.StartAsync(bench, "larger");
        byte[] blob = Bytes(5000);
        string declared = ServedRegistry.DigestOf(blob.AsSpan(0, 4000));
        using TcpClient client = await SendAsync(registry, Head("POST", $"/v2/hard/app/blobs/uploads/?digest={declared}", 4000), blob);

        string answer = await ReadAsync(client, Cancelled);

        Assert.StartsWith("HTTP/1.1 201 ", answer, StringComparison.Ordinal);
        Assert.Equal(blob[..4000], await registry.BytesAsync($"/v2/hard/app/blobs/{declared}"));
        Assert.Null(await registry.BytesAsync($"/v2/hard/app/blobs/{ServedRegistry.DigestOf(blob)}"));
    }

    [Fact]
    public async Task SlowLoris_HeadersAndBodiesByTheByte_AreCutOffAndOthersAreServed()
    {
        await using ServedRegistry registry = await ServedRegistry.StartAsync(bench, "slow");
        List<TcpClient> slow = [];
        for (int number = 0; number < 200; number++)
        {
            slow.Add(await SendAsync(registry, number % 2 == 0 ? "GET /v2/ HTTP/1.1\r\nHost: x\r\nX-A: " : Head("PATCH", await BeginAsync(registry), 1 << 20) + "x", default));
        }

        for (int number = 0; number < 20; number++)
        {
            using HttpResponseMessage served = await registry.Client.GetAsync(new Uri("/v2/", UriKind.Relative), Cancelled);
            Assert.Equal(HttpStatusCode.OK, served.StatusCode);
        }

        // Kestrel's limits: 30 seconds for the headers, 240 bytes a second for a body after five seconds.
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        late.CancelAfter(TimeSpan.FromSeconds(50));
        string[] answers = await Task.WhenAll(slow.Select(client => ReadAsync(client, late.Token)));
        Assert.All(answers, answer => Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 408", StringComparison.Ordinal), answer));
        slow.ForEach(client => client.Dispose());
        Assert.Equal(0, registry.StoredBytes);
    }

    [Fact]
    public async Task Terminate_DuringAnUpload_LetsItEnd()
    {
        await using ServedRegistry registry = await ServedRegistry.StartAsync(bench, "term");
        byte[] blob = Bytes(4 << 20);
        string digest = ServedRegistry.DigestOf(blob);
        using TcpClient client = await SendAsync(
            registry, Head("POST", $"/v2/hard/app/blobs/uploads/?digest={digest}", blob.Length), blob.AsMemory(0, 3 << 20));
        await WaitAsync(() => registry.StoredBytes >= 2 << 20);

        await registry.TerminateAsync();
        await Task.Delay(1000, Cancelled);
        await client.GetStream().WriteAsync(blob.AsMemory(3 << 20), Cancelled);
        string answer = await ReadAsync(client, Cancelled);

        Assert.StartsWith("HTTP/1.1 201 ", answer, StringComparison.Ordinal);
        (int code, string log) = await registry.EndedAsync();
        Assert.True(code is 0 or 143, $"exit {code}: {log}");
        Assert.DoesNotContain("Exception", log, StringComparison.Ordinal);
        await registry.StartAsync();
        Assert.Equal(blob, await registry.BytesAsync($"/v2/hard/app/blobs/{digest}"));
    }

    [Fact]
    public async Task Disk_Full_Is503AndWhatWasThereIsServed()
    {
        Assert.SkipUnless(Workbench.IsRoot, Workbench.NeedsRoot);
        string mount = bench.NewDirectory("full");
        await Shell.ScriptAsync("truncate -s 48M \"$1.disk\"; mkfs.ext4 -q -F -m 0 \"$1.disk\"; mount -o loop \"$1.disk\" \"$1\"", mount);
        try
        {
            await using var registry = new ServedRegistry(bench, Path.Combine(mount, "data"));
            await registry.StartAsync();
            byte[] first = Bytes(1 << 20), large = Bytes(64 << 20), config = "{}"u8.ToArray();
            Assert.Equal(HttpStatusCode.Created, (await registry.PutBlobAsync("hard/app", first)).StatusCode);
            Assert.Equal(HttpStatusCode.Created, (await registry.PutBlobAsync("hard/app", config)).StatusCode);

            using (HttpResponseMessage full = await registry.PutBlobAsync("hard/app", large))
            {
                string body = await full.Content.ReadAsStringAsync(Cancelled);
                Assert.True(full.StatusCode == HttpStatusCode.ServiceUnavailable, $"{(int)full.StatusCode}: {body}");
                Assert.NotNull(full.Headers.RetryAfter);
                Assert.Contains("no space left on device", body, StringComparison.Ordinal);
            }

            Assert.Null(await registry.BytesAsync($"/v2/hard/app/blobs/{ServedRegistry.DigestOf(large)}"));
            Assert.Equal(first, await registry.BytesAsync($"/v2/hard/app/blobs/{ServedRegistry.DigestOf(first)}"));
            await WaitAsync(() => registry.StoredBytes == first.Length + config.Length);

            // What the failed upload had taken is free again.
            byte[] next = Bytes(8 << 20);
            Assert.Equal(HttpStatusCode.Created, (await registry.PutBlobAsync("hard/app", next)).StatusCode);
            await FillAsync(registry, mount, config);
            Assert.Equal(next, await registry.BytesAsync($"/v2/hard/app/blobs/{ServedRegistry.DigestOf(next)}"));
        }
        finally
        {
            await Shell.ScriptAsync("umount \"$1\"; rm -f \"$1.disk\"", mount);
        }
    }

    /// <summary>Takes the last block, so that the metadata finds no room, and gives it back.</summary>
    private static async Task FillAsync(ServedRegistry registry, string mount, byte[] config)
    {
        string filler = Path.Combine(mount, "filler");
        await Shell.RunAsync(["dd", "if=/dev/zero", $"of={filler}", "bs=4k"]);
        bool isFull = false;
        string last = "";
        for (int number = 0; number < 400 && !isFull; number++)
        {
            string manifest = ServedRegistry.ManifestOf(config).Replace(
                "\"layers\":[]", $"\"layers\":[],\"annotations\":{{\"n\":\"{number}\",\"fill\":\"{new string('x', 50_000)}\"}}", StringComparison.Ordinal);
            using HttpResponseMessage put = await registry.PutManifestAsync("hard/app", "latest", manifest);
            isFull = put.StatusCode == HttpStatusCode.ServiceUnavailable;
            Assert.True(isFull || put.StatusCode == HttpStatusCode.Created, $"{(int)put.StatusCode}: {await put.Content.ReadAsStringAsync(Cancelled)}");
            last = isFull ? last : manifest;
        }

        Assert.True(isFull, "the metadata found room on a full disk");
        if (last.Length > 0)
        {
            Assert.Equal(last, Encoding.UTF8.GetString((await registry.BytesAsync("/v2/hard/app/manifests/latest"))!));
        }

        File.Delete(filler);
        using HttpResponseMessage again = await registry.PutManifestAsync("hard/app", "latest", ServedRegistry.ManifestOf(config));
        Assert.Equal(HttpStatusCode.Created, again.StatusCode);
    }

    private static string Head(string method, string path, int length) =>
        $"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length.ToString(CultureInfo.InvariantCulture)}\r\n\r\n";

    private static async Task<string> BeginAsync(ServedRegistry registry)
    {
        using HttpResponseMessage begin = await registry.Client.PostAsync(new Uri("/v2/hard/app/blobs/uploads/", UriKind.Relative), null, Cancelled);
        Assert.Equal(HttpStatusCode.Accepted, begin.StatusCode);
        return begin.Headers.Location!.ToString();
    }

    private static async Task<TcpClient> SendAsync(ServedRegistry registry, string head, ReadOnlyMemory<byte> body)
    {
        IPEndPoint address = IPEndPoint.Parse(registry.Address);
        var client = new TcpClient();
        await client.ConnectAsync(address, Cancelled);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(head), Cancelled);
        await client.GetStream().WriteAsync(body, Cancelled);
        return client;
    }

    private static async Task<string> ReadAsync(TcpClient client, CancellationToken cancellationToken)
    {
        var answer = new MemoryStream();
        try
        {
            await client.GetStream().CopyToAsync(answer, cancellationToken);
        }
        catch (Exception error) when (error is IOException or InvalidOperationException)
        {
            // Closed with a reset, before or while it was read.
        }

        return Encoding.Latin1.GetString(answer.ToArray());
    }

    private static async Task WaitAsync(Func<bool> condition)
    {
        for (int turn = 0; turn < 200 && !condition(); turn++)
        {
            await Task.Delay(50, Cancelled);
        }

        Assert.True(condition());
    }

    private static byte[] Bytes(int length)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }
}
