using System.Collections.Immutable;
using Mica.Oci;
using Mica.Store;

namespace Mica.Tests.Store;

public sealed class NameJournalTests : IDisposable
{
    private static readonly ImageReference s_debian = ImageReference.Parse("debian:trixie");

    private readonly StoreDirectory _directory = new();
    private readonly MemoryContent _content = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Journal_EveryMove_IsToldWithItsCause()
    {
        await using ImageStore store = await _directory.OpenAsync();
        Descriptor[] images = await AddVersionsAsync(store, 2);
        DateTimeOffset second = _directory.Time.GetUtcNow();
        await store.RemoveAsync("debian:trixie", force: false, Token);

        ImmutableArray<JournalEntry> entries = await store.JournalAsync(s_debian, Token);

        Assert.Equal(
            [(images[1].Digest, null, "rmi"), (images[0].Digest, images[1].Digest, "pull"), ((Digest?)null, (Digest?)images[0].Digest, "pull")],
            entries.Select(entry => (entry.From, entry.To, entry.Cause)));
        Assert.Equal(second, entries[1].At);
    }

    [Fact]
    public async Task Journal_NameThatStaysWhereItIs_HasNoMove()
    {
        await using ImageStore store = await _directory.OpenAsync();
        Descriptor image = (await AddVersionsAsync(store, 1))[0];

        NameMove? move = await StoreDirectory.AddAsync(store, _content, image, "debian:trixie");

        Assert.True(move!.IsUnchanged);
        Assert.Single(await store.JournalAsync(s_debian, Token));
    }

    [Fact]
    public async Task Undo_Again_GoesFurtherBack()
    {
        await using ImageStore store = await _directory.OpenAsync();
        Descriptor[] images = await AddVersionsAsync(store, 3);

        NameMove first = await store.UndoAsync(s_debian, Token);
        NameMove second = await store.UndoAsync(s_debian, Token);
        MicaException none = await Assert.ThrowsAsync<MicaException>(() => store.UndoAsync(s_debian, Token));

        Assert.Equal(new NameMove(s_debian.ToString(), images[2].Digest, images[1].Digest), first);
        Assert.Equal(new NameMove(s_debian.ToString(), images[1].Digest, images[0].Digest), second);
        Assert.Equal("debian:trixie: there is no move to undo", none.Message);
        Assert.Equal(images[0].Digest, (await store.FindAsync("debian:trixie", Token))!.Root.Digest);
    }

    [Fact]
    public async Task Undo_AfterAnUndoAndANewMove_TakesTheNewMoveBack()
    {
        await using ImageStore store = await _directory.OpenAsync();
        Descriptor[] images = await AddVersionsAsync(store, 2);
        await store.UndoAsync(s_debian, Token);
        Descriptor third = TestImages.Add(_content, ["third"]);
        await StoreDirectory.AddAsync(store, _content, third, "debian:trixie");

        NameMove move = await store.UndoAsync(s_debian, Token);

        Assert.Equal((third.Digest, images[0].Digest), (move.From, move.To));
    }

    [Fact]
    public async Task Prune_BeforeGraceIsOver_KeepsWhatANameMovedOnFrom()
    {
        await using ImageStore store = await _directory.OpenAsync();
        Descriptor[] images = await AddVersionsAsync(store, 2);
        _directory.Time.Advance(TimeSpan.FromDays(13));

        RemovalReport early = await store.PruneAsync(new ImagePruneOptions(), Token);
        _directory.Time.Advance(TimeSpan.FromDays(2));
        RemovalReport late = await store.PruneAsync(new ImagePruneOptions(), Token);

        Assert.Empty(early.Entries);
        Assert.NotEmpty(late.Entries);
        Assert.Null(await store.FindAsync(images[0].Digest.ToString(), Token));
        MicaException gone = await Assert.ThrowsAsync<MicaException>(() => store.UndoAsync(s_debian, Token));
        Assert.Equal($"debian:trixie: the image it stood for before, {images[0].Digest}, is not in the store any more", gone.Message);
    }

    [Fact]
    public async Task Undo_RemovedNameWhoseImageHasAnother_ComesBack()
    {
        await using ImageStore store = await _directory.OpenAsync();
        Descriptor image = (await AddVersionsAsync(store, 1))[0];
        await store.TagAsync("debian:trixie", ImageReference.Parse("keep"), Token);
        await store.RemoveAsync("debian:trixie", force: false, Token);

        await store.UndoAsync(s_debian, Token);

        Assert.Equal(image.Digest, (await store.FindAsync("debian:trixie", Token))!.Root.Digest);
    }

    [Fact]
    public async Task Tag_DigestReference_IsRefused()
    {
        await using ImageStore store = await _directory.OpenAsync();
        Descriptor image = (await AddVersionsAsync(store, 1))[0];

        MicaException failure = await Assert.ThrowsAsync<MicaException>(
            () => store.TagAsync("debian:trixie", ImageReference.Parse($"other@{image.Digest}"), Token));

        Assert.Equal("refusing to create a tag with a digest reference", failure.Message);
    }

    [Fact]
    public async Task Tag_UnknownImage_SaysWhich()
    {
        await using ImageStore store = await _directory.OpenAsync();

        MicaException failure = await Assert.ThrowsAsync<MicaException>(
            () => store.TagAsync("nope", ImageReference.Parse("other"), Token));

        Assert.Equal((ErrorKind.NotFound, "No such image: nope:latest"), (failure.Kind, failure.Message));
    }

    private async Task<Descriptor[]> AddVersionsAsync(ImageStore store, int count)
    {
        var images = new Descriptor[count];
        for (int number = 0; number < count; number++)
        {
            _directory.Time.Advance(TimeSpan.FromHours(1));
            images[number] = TestImages.Add(_content, ["base", $"version {number}"]);
            await StoreDirectory.AddAsync(store, _content, images[number], "debian:trixie");
        }

        return images;
    }
}
