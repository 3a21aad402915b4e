namespace Mica.Build;

/// <summary>What a name after <c>--from</c> stands for, or the build context. Nothing of it is looked at before it is opened.</summary>
/// <param name="Name">What tells it from others of its kind.</param>
/// <param name="Chain">What names all of its files; null for a context, which has nothing but its files.</param>
/// <param name="OpenAsync">Opens it; the tree is the build's.</param>
internal sealed record StepSource(string Name, string? Chain, Func<Task<ISourceTree>> OpenAsync)
{
    /// <summary>There are no files.</summary>
    public static StepSource Nothing { get; } = new("nothing", null, () => Task.FromResult<ISourceTree>(EmptyTree.Instance));
}
