using System.Diagnostics;
using Mica.Oci;
using Mica.Store;
using SQLitePCL;

namespace Mica.Tests.Store;

public sealed class StoreErrorTests : IDisposable
{
    private readonly StoreDirectory _directory = new();
    private readonly MemoryContent _content = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Open_OfANewerStore_SaysSo()
    {
        await (await _directory.OpenAsync()).DisposeAsync();
        Execute("PRAGMA user_version = 99");

        MicaException failure = await Assert.ThrowsAsync<MicaException>(() => _directory.OpenAsync());

        Assert.Equal(ErrorKind.Unsupported, failure.Kind);
        Assert.EndsWith("catalog.db: written by a newer mica (catalog version 99, this one knows 4)", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_OfAnotherProgramsDatabase_SaysSo()
    {
        await (await _directory.OpenAsync()).DisposeAsync();
        Execute("PRAGMA application_id = 7");

        MicaException failure = await Assert.ThrowsAsync<MicaException>(() => _directory.OpenAsync());

        Assert.Equal(ErrorKind.InvalidArgument, failure.Kind);
    }

    [Fact]
    public async Task Open_OfAFile_SaysSo()
    {
        await File.WriteAllTextAsync(_directory.Root, "", Token);

        MicaException failure = await Assert.ThrowsAsync<MicaException>(() => _directory.OpenAsync());

        Assert.Equal($"{_directory.Root}: not a directory", failure.Message);
    }

    [Fact]
    public async Task Open_WithoutPermission_SaysSo()
    {
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "root may do everything");
        Directory.CreateDirectory(_directory.Root, UnixFileMode.None);

        MicaException failure = await Assert.ThrowsAsync<MicaException>(() => _directory.OpenAsync());

        Assert.Equal(ErrorKind.PermissionDenied, failure.Kind);
    }

    [Fact]
    public async Task Query_OnADamagedCatalog_IsOneClearLine()
    {
        await using (ImageStore store = await _directory.OpenAsync())
        {
            for (int number = 0; number < 20; number++)
            {
                await StoreDirectory.AddAsync(store, _content, TestImages.Add(_content, [$"{number}"]), $"image{number}");
            }
        }

        await using (FileStream file = File.OpenWrite(Path.Join(_directory.Root, "catalog.db")))
        {
            file.Position = 4096;
            file.Write(new byte[file.Length - 4096]);
        }

        await using ImageStore damaged = await _directory.OpenAsync();
        MicaException failure = await Assert.ThrowsAsync<MicaException>(() => damaged.ListAsync(Token));

        Assert.Equal(ErrorKind.ContentMismatch, failure.Kind);
        Assert.Contains("--rebuild", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public async Task Write_OnAFullDisk_FailsClearlyAndLeavesWhatWasThere()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting a small file system takes root");
        Directory.CreateDirectory(_directory.Root);
        Run("mount", "-t", "tmpfs", "-o", "size=3m", "mica-test", _directory.Root);
        try
        {
            await using ImageStore store = await _directory.OpenAsync();
            Descriptor small = TestImages.Add(_content, ["small"]);
            await StoreDirectory.AddAsync(store, _content, small, "small");
            Descriptor big = _content.Add(MediaTypes.OciLayer, new byte[4 << 20]);

            MicaException failure = await Assert.ThrowsAsync<MicaException>(
                () => store.WriteAsync(big, new MemoryStream(new byte[4 << 20]), Token).AsTask());

            Assert.Equal((ErrorKind.Failed, $"{_directory.Root}: no space left on device"), (failure.Kind, failure.Message));
            Assert.Empty(Directory.GetFiles(Path.Join(_directory.Root, "ingest/partial")));
            Assert.Single((await store.InspectAsync("small", null, Token)).Layers);
            await StoreDirectory.AddAsync(store, _content, TestImages.Add(_content, ["another"]), "another");
            Assert.Empty((await store.CheckAsync(new StoreCheckOptions(), null, Token)).Findings);
        }
        finally
        {
            Run("umount", _directory.Root);
        }
    }

    private static void Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    private void Execute(string sql)
    {
        Assert.Equal(raw.SQLITE_OK, raw.sqlite3_open(Path.Join(_directory.Root, "catalog.db"), out sqlite3 database));
        Assert.Equal(raw.SQLITE_OK, raw.sqlite3_exec(database, sql));
        database.Dispose();
    }
}
