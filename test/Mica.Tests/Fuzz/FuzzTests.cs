using Mica.Fuzz;

namespace Mica.Tests.Fuzz;

/// <summary>The same mutations for every target each time: what a change breaks at once, without a search for more.</summary>
public sealed class FuzzTests
{
    private const int Seed = 1;
    private const int Inputs = 200;

    public static TheoryData<string> Names => [.. FuzzTargets.All.Keys];

    [Theory(Timeout = 120_000)]
    [MemberData(nameof(Names))]
    public Task Run_SeedsAndMutations_KeepsItsPromises(string name) => Task.Run(() =>
    {
        using FuzzTarget target = FuzzTargets.All[name]();
        var inputs = new FuzzInputs(target, Seed, []);
        for (int number = 0; number < Inputs; number++)
        {
            Exception? problem = FuzzCase.Judge(target, inputs[number]);

            Assert.True(problem is null, $"input {number}: {problem}");
        }
    }, TestContext.Current.CancellationToken);

    [Theory]
    [MemberData(nameof(Names))]
    public void Inputs_SameSeed_AreTheSame(string name)
    {
        using FuzzTarget first = FuzzTargets.All[name]();
        using FuzzTarget second = FuzzTargets.All[name]();

        Assert.Equal(new FuzzInputs(first, Seed, [])[1000], new FuzzInputs(second, Seed, [])[1000]);
        Assert.NotEqual(new FuzzInputs(first, Seed, [])[1000], new FuzzInputs(first, Seed + 1, [])[1000]);
    }
}
