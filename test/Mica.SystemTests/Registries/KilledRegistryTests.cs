using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text;

namespace Mica.SystemTests.Registries;

/// <summary>
/// The registry is killed with SIGKILL while clients push, move tags, delete and collect, again and again: whatever was
/// answered with 201 is whole after the next start, and nothing that was not is visible.
/// </summary>
public sealed class KilledRegistryTests(Workbench bench)
{
    private static int Rounds => int.TryParse(Environment.GetEnvironmentVariable("MICA_KILLS"), out int rounds) ? rounds : 12;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Uploads_KilledAnywhere_AreWholeOrNotThere()
    {
        await using ServedRegistry registry = await ServedRegistry.StartAsync(bench, "uploads");
        var created = new ConcurrentDictionary<string, byte[]>();
        var tried = new ConcurrentDictionary<string, byte[]>();
        for (int round = 0; round < Rounds; round++)
        {
            int number = round, before = created.Count;
            Task[] clients = [.. Enumerable.Range(0, 4).Select(client => UntilItDiesAsync(async turn =>
            {
                byte[] blob = Bytes(1000 + (client * 300_000), (number * 10_000) + (client * 1000) + turn);
                string digest = ServedRegistry.DigestOf(blob);
                tried[digest] = blob;
                HttpStatusCode status = client % 2 == 0 ? (await registry.PutBlobAsync("kill/app", blob)).StatusCode : await PushInChunksAsync(registry, blob);
                Assert.Equal(HttpStatusCode.Created, status);
                created[digest] = blob;
            }))];
            await FirstAnswerAsync(() => created.Count > before);
            await Task.Delay(round * 23, Cancelled);

            await registry.KillAsync();
            await Task.WhenAll(clients);
            await registry.StartAsync();

            foreach ((string digest, byte[] blob) in tried)
            {
                byte[]? found = await registry.BytesAsync($"/v2/kill/app/blobs/{digest}");
                Assert.True(found is not null || !created.ContainsKey(digest), $"{digest} was answered with 201 and is gone");
                Assert.True(found is null || found.AsSpan().SequenceEqual(blob), $"{digest} is not whole");
            }

            tried.Clear();
        }

        Assert.True(created.Count >= Rounds, $"only {created.Count} uploads ended");
    }

    [Fact]
    public async Task TagMoves_KilledAnywhere_LeaveTheTagWhereTheLastAnswerSaid()
    {
        await using ServedRegistry registry = await ServedRegistry.StartAsync(bench, "tags");
        byte[] config = "{}"u8.ToArray();
        Assert.Equal(HttpStatusCode.Created, (await registry.PutBlobAsync("kill/tags", config)).StatusCode);
        int asked = 0, answered = 0;
        for (int round = 0; round < Rounds; round++)
        {
            int before = answered;
            Task client = UntilItDiesAsync(async _ =>
            {
                int next = answered + 1;
                asked = next;
                using HttpResponseMessage response = await registry.PutManifestAsync("kill/tags", "latest", Numbered(config, next));
                Assert.Equal(HttpStatusCode.Created, response.StatusCode);
                answered = next;
            });
            await FirstAnswerAsync(() => answered > before);
            await Task.Delay(round * 17, Cancelled);

            await registry.KillAsync();
            await client;
            await registry.StartAsync();

            string stands = Encoding.UTF8.GetString((await registry.BytesAsync("/v2/kill/tags/manifests/latest"))!);
            Assert.True(stands == Numbered(config, answered) || stands == Numbered(config, asked), $"after {answered} answers and {asked} requests: {stands}");
            for (int number = Math.Max(1, answered - 20); number <= answered; number++)
            {
                Assert.NotNull(await registry.BytesAsync($"/v2/kill/tags/manifests/{ServedRegistry.DigestOf(Encoding.UTF8.GetBytes(Numbered(config, number)))}"));
            }

            answered = stands == Numbered(config, asked) ? asked : answered;
        }

        Assert.True(answered >= Rounds, $"only {answered} moves");
    }

    [Fact]
    public async Task DeletesAndCollections_KilledAnywhere_TakeNothingThatIsNeeded()
    {
        await using ServedRegistry registry = await ServedRegistry.StartAsync(bench, "deletes");
        byte[] config = "{}"u8.ToArray(), shared = Bytes(100_000, 1);
        await registry.PutBlobAsync("kill/keep", config);
        await registry.PutBlobAsync("kill/keep", shared);
        string kept = ServedRegistry.ManifestOf(config, shared);
        Assert.Equal(HttpStatusCode.Created, (await registry.PutManifestAsync("kill/keep", "v1", kept)).StatusCode);
        for (int round = 0; round < Rounds; round++)
        {
            int number = round;
            Task client = UntilItDiesAsync(async turn =>
            {
                byte[] own = Bytes(5000, (number * 10_000) + turn);
                await registry.PutBlobAsync("kill/go", config);
                await registry.PutBlobAsync("kill/go", shared);
                await registry.PutBlobAsync("kill/go", own);
                string manifest = ServedRegistry.ManifestOf(config, shared, own);
                Assert.Equal(HttpStatusCode.Created, (await registry.PutManifestAsync("kill/go", "v1", manifest)).StatusCode);
                foreach (string path in (string[])[
                    $"manifests/{ServedRegistry.DigestOf(Encoding.UTF8.GetBytes(manifest))}", $"blobs/{ServedRegistry.DigestOf(own)}", $"blobs/{ServedRegistry.DigestOf(shared)}"])
                {
                    using HttpResponseMessage delete = await registry.Client.DeleteAsync(new Uri($"/v2/kill/go/{path}", UriKind.Relative), Cancelled);
                    Assert.Equal(HttpStatusCode.Accepted, delete.StatusCode);
                }
            });
            using Process collector = Shell.Start(
                ["sh", "-c", "while :; do \"$0\" registry gc --data \"$1\" >/dev/null; done", bench.Binary, registry.Directory]);
            await Task.Delay(150 + (round * 41), Cancelled);

            collector.Kill(entireProcessTree: true);
            await registry.KillAsync();
            await client;
            await registry.StartAsync();

            Assert.Equal(kept, Encoding.UTF8.GetString((await registry.BytesAsync("/v2/kill/keep/manifests/v1"))!));
            Assert.Equal(shared, await registry.BytesAsync($"/v2/kill/keep/blobs/{ServedRegistry.DigestOf(shared)}"));
            Assert.Equal(config, await registry.BytesAsync($"/v2/kill/keep/blobs/{ServedRegistry.DigestOf(config)}"));
        }

        // Whatever the kills left half done, the next collection ends it.
        (await Shell.RunAsync([bench.Binary, "registry", "gc", "--data", registry.Directory])).Succeeded();
        string again = (await Shell.RunAsync([bench.Binary, "registry", "gc", "--data", registry.Directory])).Succeeded().Output;
        Assert.StartsWith("Removed 0 blobs, 0 manifests, 0 uploads, 0 repositories", again, StringComparison.Ordinal);
    }

    private static string Numbered(byte[] config, int number) =>
        ServedRegistry.ManifestOf(config).Replace("\"layers\":[]", $"\"layers\":[],\"annotations\":{{\"n\":\"{number}\"}}", StringComparison.Ordinal);

    /// <summary>However slow the machine is, a kill hits work and not the start.</summary>
    private static async Task FirstAnswerAsync(Func<bool> hasCome)
    {
        for (int turn = 0; turn < 6000 && !hasCome(); turn++)
        {
            await Task.Delay(5, Cancelled);
        }

        Assert.True(hasCome(), "no answer in 30 seconds");
    }

    /// <summary>Repeats the work until the registry's end cuts it off.</summary>
    private static async Task UntilItDiesAsync(Func<int, Task> work)
    {
        await Task.Yield();
        try
        {
            for (int turn = 0; ; turn++)
            {
                await work(turn);
            }
        }
        catch (Exception error) when (error is HttpRequestException or IOException or ObjectDisposedException or OperationCanceledException)
        {
            Cancelled.ThrowIfCancellationRequested();
        }
    }

    private static async Task<HttpStatusCode> PushInChunksAsync(ServedRegistry registry, byte[] blob)
    {
        using HttpResponseMessage begin = await registry.Client.PostAsync(new Uri("/v2/kill/app/blobs/uploads/", UriKind.Relative), null, Cancelled);
        Assert.Equal(HttpStatusCode.Accepted, begin.StatusCode);
        Uri place = begin.Headers.Location!;
        int half = blob.Length / 2;
        using HttpResponseMessage patch = await registry.Client.PatchAsync(place, new ByteArrayContent(blob, 0, half), Cancelled);
        Assert.Equal(HttpStatusCode.Accepted, patch.StatusCode);
        using HttpResponseMessage put = await registry.Client.PutAsync(
            new Uri($"{place}?digest={ServedRegistry.DigestOf(blob)}", UriKind.Relative), new ByteArrayContent(blob, half, blob.Length - half), Cancelled);
        return put.StatusCode;
    }

    private static byte[] Bytes(int length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
