namespace Mica.SystemTests.Building;

/// <summary>
/// Every instruction and flag of a Dockerfile: the image is the one that Debian's buildah makes of the same files, field by
/// field and file by file; where buildah does not know it, the one that Docker's reference describes.
/// </summary>
public sealed class ComparisonTests(BuildStores stores) : IClassFixture<BuildStores>
{
    public static TheoryData<string> Comparable => [.. BuildCase.Names(withExpectation: false)];

    public static TheoryData<string> Described => [.. BuildCase.Names(withExpectation: true)];

    [Theory]
    [MemberData(nameof(Comparable))]
    public async Task Build_SameFiles_SameImageAsBuildah(string name)
    {
        Assert.SkipUnless(Workbench.IsRoot, Workbench.NeedsRoot);
        BuildCase one = new(name);

        string context = await one.ContextAsync(stores.Bench);
        (ImageText expected, ImageText actual) = KnownDifferences.Leave(
            await stores.BuildWithBuildahAsync(one, context), await stores.BuildWithMicaAsync(one, context));

        Same(expected.Config, actual.Config);
        Same(expected.Tree, actual.Tree);
        Same(expected.History, actual.History);
    }

    [Theory]
    [MemberData(nameof(Described))]
    public async Task Build_WhatBuildahDoesNotKnow_IsAsTheReferenceSays(string name)
    {
        Assert.SkipUnless(Workbench.IsRoot, Workbench.NeedsRoot);
        BuildCase one = new(name);

        ImageText actual = await stores.BuildWithMicaAsync(one, await one.ContextAsync(stores.Bench));

        string[] changed = [.. actual.Tree.Except(stores.BaseTree)];
        string[] gone = [.. stores.BaseTree.Select(PathOf).Except(actual.Tree.Select(PathOf))];
        bool fromNothing = gone.Length == stores.BaseTree.Length;
        Same(one.Expected, [.. actual.Config.Where(line => line != "WorkingDir /"), .. changed, .. fromNothing ? [] : gone.Select(path => $"gone {path}")]);
    }

    [Theory]
    [MemberData(nameof(Comparable))]
    [MemberData(nameof(Described))]
    public async Task Build_ByOrdinaryUser_SameImageAsByRoot(string name)
    {
        Assert.SkipUnless(Workbench.IsRoot, Workbench.NeedsRoot);
        BuildCase one = new(name);
        string context = await one.ContextAsync(stores.Bench);
        ImageText expected = await stores.BuildWithMicaAsync(one, context);

        ImageText actual = await stores.BuildAsUserAsync(one, context);

        Same(expected.Config, actual.Config);
        Same(expected.Tree, actual.Tree);
        Same(expected.History, actual.History);
    }

    private static string PathOf(string line) => line.Split(' ')[0];

    private static void Same(string[] expected, string[] actual)
    {
        string[] missing = [.. expected.Except(actual).Select(line => "- " + line)], added = [.. actual.Except(expected).Select(line => "+ " + line)];
        Assert.True(expected.SequenceEqual(actual), $"not the same:\n{string.Join('\n', missing.Concat(added).DefaultIfEmpty("another order: " + string.Join("; ", actual)))}");
    }
}
